"""What all SVG pictures have in common: elements as texts, one style sheet, numbers written short.

Colours are classes with a plain value for each, and a second one for dark backgrounds: programs
that know neither variables nor media queries show the light picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dataflow.cli.drawing.palette import PAPER, STYLES, Look
from dataflow.cli.drawing.texts import markup, text_width

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
#: Around every picture.
MARGIN = 28.0
TITLE_SIZE, SUMMARY_SIZE, LEGEND_SIZE = 18.0, 12.5, 11.0
#: The middle of the legend, below the heading.
LEGEND = 79.0
_SAMPLE_GAP, _WORD_GAP = 6.0, 18.0
#: The widest column of these fonts, in parts of the font's size.
MONO_WIDTH = 0.61
#: Likewise for the others, generously: narrow letters, capitals and wide ones, the rest.
_NARROW, _WIDE, _OTHER = 0.36, 0.76, 0.6


def number(value: float) -> str:
    """A coordinate: to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def sans_width(text: str, size: float) -> float:
    """About how wide a text is; it is hardly ever wider."""
    return size * sum(
        _NARROW
        if character in "fijlrt.,:;'|()[] ·"
        else _WIDE
        if character.isupper() or character in "mw%@"
        else _OTHER * text_width(character)
        for character in text
    )


def document(wide: float, high: float, title: str, body: Iterable[str], css: str = "") -> str:
    """A picture; ``title`` is read aloud by those who cannot see it."""
    w, h = number(wide), number(high)
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" '
                f'height="{h}" role="img" font-family="{SANS}">'
            ),
            f"<title>{markup(title)}</title>",
            f"<style>{_colours()}{css}</style>",
            f'<rect class="paper" width="{w}" height="{h}"/>',
            *body,
            "</svg>\n",
        ]
    )


def heading(title: str, told: str) -> Iterator[str]:
    """Two lines on top of a picture, at its margin."""
    yield text(MARGIN, 36, title, "ink strong", size=TITLE_SIZE)
    yield text(MARGIN, 57, told, "muted num", size=SUMMARY_SIZE)


def legend(x: float, sample: float, word: str) -> tuple[str, float]:
    """A word of the legend, behind a sample of this width; and where the next sample begins."""
    begin = x + sample + _SAMPLE_GAP
    told = text(begin, LEGEND + 4, word, "muted", size=LEGEND_SIZE)
    return told, begin + sans_width(word, LEGEND_SIZE) + _WORD_GAP


def text(x: float, y: float, content: str, cls: str, *, size: float = 12, more: str = "") -> str:
    """A line of text; ``more``: further attributes."""
    return (
        f'<text class="{cls}" x="{number(x)}" y="{number(y)}" font-size="{number(size)}"{more}>'
        f"{markup(content)}</text>"
    )


def box(x: float, y: float, wide: float, high: float, cls: str, *, radius: float = 0) -> str:
    """A rectangle."""
    rounded = f' rx="{number(radius)}"' if radius else ""
    return (
        f'<rect class="{cls}" x="{number(x)}" y="{number(y)}" width="{number(wide)}" '
        f'height="{number(high)}"{rounded}/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, cls: str) -> str:
    """A straight line."""
    return (
        f'<line class="{cls}" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" '
        f'y2="{number(y2)}"/>'
    )


def sign(x: float, y: float, look: Look) -> str:
    """The sign of a state, for those who do not see its colour; 8 pixels in size."""
    where = f"translate({number(x)} {number(y)})"
    return f'<path class="sign" transform="{where}" d="{STYLES[look].sign}"/>'


def _colours() -> str:
    light, dark = (_classes(dark=dark) for dark in (False, True))
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _classes(*, dark: bool) -> str:
    colours = {name: pair[dark] for name, pair in PAPER.items()}
    colours.update({name: style.dark if dark else style.light for name, style in STYLES.items()})
    fills = "".join(
        f".{name}{{fill:{colour}}}.{name}-line{{stroke:{colour};fill:none}}"
        for name, colour in colours.items()
    )
    return (
        f"{fills}.strong{{font-weight:600}}.num{{font-variant-numeric:tabular-nums}}"
        f".outline{{stroke:{colours['frame']};stroke-width:1.2}}"
        f".sign{{stroke:{colours['paper']};fill:none;stroke-width:1.6;"
        "stroke-linecap:round;stroke-linejoin:round}"
    )
