"""Draws text for pictures and films: any script, set by typst, as transparent images.

Only the fonts of installed packages are used, so that every machine draws the same: Libertinus Serif (built into
typst), Noto Sans for most scripts, Noto Sans CJK and Noto Emoji. Missing characters are drawn as boxes. Text is passed
as data: typst never interprets it as markup.
"""

import io
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import typst
from PIL import Image

from artifacts.parts.typeset import fonts, on_one_line

_SERIF, _SANS, _CJK = "Libertinus Serif", "Noto Sans", "Noto Sans CJK JP"
# Invisible characters that change how their neighbours are drawn.
_JOINERS = "\u200c\u200d"
_LONG_WORD = re.compile(r"(\S{24})(?=\S)")
# At 72 dpi, a typographic point is a pixel.
_PPI = 72.0

_SOURCE = """
#set document(date: none)
#let given = json(bytes(sys.inputs.given))
#set page(height: auto, fill: none)
#set text(top-edge: "ascender", bottom-edge: "descender")
#set par(leading: 0.12em, spacing: 0pt, justify: false)
#for block in given {
  // Some letters reach below what their font calls its descent.
  let foot = block.margin + 0.3 * block.lines.at(-1, default: (size: 0)).size
  page(width: block.width * 1pt, margin: (rest: block.margin * 1pt, bottom: foot * 1pt), {
    set align(if block.centred { center } else { left })
    for (index, line) in block.lines.enumerate() {
      if index > 0 { v(line.above * 1pt, weak: false) }
      set text(font: line.fonts, size: line.size * 1pt, fill: rgb(line.colour), tracking: line.tracking * 1em)
      line.text
      parbreak()
    }
  })
}
"""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A paragraph in one style. `size_px`: font size; `colour`: `#rrggbb` or `#rrggbbaa`; `tracking`: in em."""

    text: str
    size_px: float
    colour: str = "#ffffff"
    is_serif: bool = True
    above_px: float = 0.0
    tracking: float = 0.0


@dataclass(frozen=True, slots=True)
class Block:
    """Paragraphs below one another, wrapped at `width_px` (which includes `margin_px` on each side).

    Lines without a text are left out.
    """

    lines: tuple[TextLine, ...]
    width_px: int
    margin_px: int = 0
    is_centred: bool = False


def draw(blocks: Sequence[Block]) -> list[Image.Image]:
    """Each block as RGBA, as wide as it says and as high as its text needs."""
    if not blocks:
        return []
    given = [
        {
            "width": block.width_px,
            "margin": block.margin_px,
            "centred": block.is_centred,
            "lines": [_line(line) for line in block.lines if line.text],
        }
        for block in blocks
    ]
    pages: Any = typst.compile(
        _SOURCE.encode(),
        format="png",
        ppi=_PPI,
        sys_inputs={"given": json.dumps(given)},
        font_paths=fonts(),
    )
    each = pages if isinstance(pages, list) else [pages]  # a single page is not a list
    return [Image.open(io.BytesIO(page), formats=["PNG"]).convert("RGBA") for page in each]


@cache
def _families(*first: str) -> list[str]:
    """The given families, then all families for further scripts and symbols."""
    found = [name for name in fonts().families() if name.startswith(("Noto", "DejaVu"))]
    return [*first, *sorted(set(found) - set(first), reverse=True)]


def plain(text: str, most: int) -> str:
    """The text on one line, without undrawable characters, at most `most` characters; ends in `…` if cut."""
    kept = on_one_line(text, lambda one: one in _JOINERS or unicodedata.category(one)[0] != "C")
    if len(kept) > most:
        kept = kept[:most].rsplit(" ", 1)[0][:most].rstrip(" ,.;:") + "…"
    return kept


def _line(line: TextLine) -> dict[str, object]:
    first = (_SERIF, _SANS, _CJK) if line.is_serif else (_SANS, _CJK)
    return {
        "text": _LONG_WORD.sub("\\1\u200b", line.text),  # typst breaks no word
        "fonts": _families(*first),
        "size": line.size_px,
        "colour": line.colour,
        "above": line.above_px,
        "tracking": line.tracking,
    }
