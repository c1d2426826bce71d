"""Canvases: many activities submitted as one.

The articles of a newsletter are written side by side, two at a time (`Group`), and each is edited
once it is drafted (`Chain`). How many pages there are to set depends on what has become of the
articles, and is decided only then (`FuncGroup`).

    $ dataflow workflow.start --local examples.canvas.Newsletter --input '["cats", "owls", "bees"]'
    page 1: All about cats. All about owls.
    page 2: All about bees.
    completed in 0.01 s: 2
"""

from dataflow import Chain, FuncGroup, Group, Workflow, activity


@activity.with_attributes(task_list="quickstart", version="example")
def draft(topic: str) -> str:
    return f"all about {topic}"


@activity.with_attributes(task_list="quickstart", version="example")
def edit(text: str) -> str:
    return f"{text.capitalize()}."


@activity.with_attributes(task_list="quickstart", version="example")
def set_page(number: int, texts: list[str]) -> str:
    return f"page {number}: {' '.join(texts)}"


def set_pages(articles: list[list[str]]) -> Group:
    """Two articles to a page. An article is the results of its chain: the draft and the text."""
    texts = [text for _, text in articles]
    pages = [texts[n : n + 2] for n in range(0, len(texts), 2)]
    return Group(*((set_page, number, page) for number, page in enumerate(pages, start=1)))


class Newsletter(Workflow):
    """Writes an article on each topic; the result is the number of pages."""

    name = "newsletter"
    version = "example"
    task_list = "example"

    def run(self, *topics: str) -> int:
        articles = Group(
            *(Chain((draft, topic), edit, send_result=True) for topic in topics),
            max_parallel=2,
        )
        newsletter = self.submit(Chain(articles, FuncGroup(set_pages), send_result=True))
        _, pages = newsletter.result
        for page in pages:
            print(page)
        return len(pages)
