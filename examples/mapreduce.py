r"""Map and reduce: how often each word occurs in the files of a directory.

One activity lists the files, in batches; one for each batch counts its words; one adds up what
they counted. A word is what ``\w+`` matches in the lower-cased text; files are read as UTF-8, and
what is not UTF-8 in them is replaced.

The result is a list of words and their numbers, most frequent first: the ``most_common`` ten, or
all of them with null. ``pattern`` chooses among the files.

    $ dataflow workflow.start --local examples.mapreduce.WordCount --input '["examples", 3, "*.py"]'
    ... files, ... words
    completed in 0.02 s: [[...],[...],[...]]
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dataflow import Workflow, activity


def words(file: str) -> Iterator[str]:
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    return (match[0] for match in re.finditer(r"\w+", text.lower()))


@activity.with_attributes(task_list="quickstart", version="example")
def find_files(directory: str, pattern: str) -> list[str]:
    return sorted(str(path) for path in Path(directory).rglob(pattern) if path.is_file())


@activity.with_attributes(task_list="quickstart", version="example")
def count(files: list[str]) -> dict[str, int]:
    return Counter(word for file in files for word in words(file))


@activity.with_attributes(task_list="quickstart", version="example")
def add_up(counts: list[dict[str, int]]) -> list[tuple[str, int]]:
    total: Counter[str] = Counter()
    for counted in counts:
        total.update(counted)
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))


class WordCount(Workflow):
    """Counts words, a batch of files in each activity."""

    name = "word_count"
    version = "example"
    task_list = "example"

    def run(
        self,
        directory: str,
        most_common: int | None = 10,
        pattern: str = "*",
        batch_size: int = 100,
    ) -> list[tuple[str, int]]:
        files = self.submit(find_files, directory, pattern).result
        batches = [files[n : n + batch_size] for n in range(0, len(files), batch_size)]
        frequencies = self.submit(add_up, self.map(count, batches)).result
        print(f"{len(files)} files, {len(frequencies)} words")
        return frequencies[:most_common]
