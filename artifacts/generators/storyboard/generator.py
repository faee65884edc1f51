"""Storyboard: numbered frames in lineage order, with captions and notes, for printing."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from artifacts.generator import File, Generator, ImageOptions, chosen_images, in_silence
from artifacts.material import ImageFacts, Material
from artifacts.parts.prints import Print, prints
from artifacts.parts.typeset import columns_of, one_line, pdf
from artifacts.templatetags.artifact_pages import day

# Width and height of a portrait sheet, in millimetres; slides are always landscape.
_PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4), "16x9": (190.5, 338.67)}
# Millimetres: margin of the sheet, footer, gap between frames, heading of the first page.
_MARGIN, _FOOT, _GUTTER, _ROW_GAP, _HEAD = 16.0, 2.0, 8.0, 7.0, 31.0
_DOTS_PER_MM = 240 / 25.4
# Below a frame, in millimetres: number and provider, and each line of a caption and of a note.
_AROUND, _CAPTION_LINE, _NOTE_LINE = 19.0, 4.7, 3.9
_CAPTION_LINES_MOST, _NOTE_LINES_MOST, _NOTES_MOST = 4, 2, 2
# Width of one text column in millimetres, with a margin for bad breaks: captions, notes; captions beside a frame.
_CAPTION_MM, _NOTE_MM, _BESIDE_MM = 1.75, 1.55, 2.5
# In one column, the share of the width that the frame takes.
_BESIDE = 0.58
# Frames give up at most this share of their height for another row.
_SQUEEZED = 0.75
# The widest and narrowest frame; other shapes are centred on a mat.
_WIDEST, _NARROWEST = 16 / 9, 3 / 4
_MADE_BY = {
    "edit": "edit",
    "inpaint": "repainted",
    "outpaint": "extended",
    "variation": "variation",
    "upscale": "enlarged",
    "rollback": "back to",
}


@dataclass(frozen=True, slots=True)
class StoryboardOptions(ImageOptions):
    """Options of a storyboard."""

    columns: int = field(default=2, metadata={"help": "Frames per row.", "least": 1, "most": 4})
    paper: Literal["a4", "letter", "16x9"] = field(
        default="a4", metadata={"help": "The paper size; 16x9 makes slides."}
    )
    orientation: Literal["portrait", "landscape"] = field(
        default="portrait", metadata={"help": "The paper orientation."}
    )
    notes: bool = field(
        default=True,
        metadata={"help": "Whether the judge's notes are shown below each caption, with lines for your own."},
    )


class Storyboard(Generator):
    """See the module."""

    name = "storyboard"
    title = "Storyboard"
    description = "Numbered frames in lineage order, with captions and notes, for printing."
    output = "pdf"
    options = StoryboardOptions
    most_at_once = 60

    def generate(
        self, material: Material, options: StoryboardOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One document."""
        images = by_descent(chosen_images(material, options))
        sheet = _sheet(options, images)
        side = round(max(sheet.frame_width, *sheet.frame_heights) * _DOTS_PER_MM)
        made = [each[0] for each in prints(material, [(image, (side,)) for image in images])]
        names = [project.name for project in material.projects if project.name != material.title]
        data = {
            "title": one_line(material.title, 160),
            "running": one_line(material.title, 110),
            "subtitle": one_line(", ".join(names), 200),
            "facts": _facts(images),
            "notes": options.notes,
            "paper": {"width": sheet.paper[0], "height": sheet.paper[1]},
            "margin": _MARGIN,
            "columns": options.columns,
            "rows": sheet.rows,
            "gutter": _GUTTER,
            "row_gap": _ROW_GAP,
            "head": _HEAD,
            "frame_width": sheet.frame_width,
            "frame_heights": sheet.frame_heights,
            "row_heights": sheet.row_heights,
            "frames": _frames(images, made, sheet),
        }
        files = {f"p{number}.jpg": one.content for number, one in enumerate(made, 1) if one.content}
        return [File("storyboard.pdf", "application/pdf", pdf("storyboard", data, files))]


def by_descent(images: Sequence[ImageFacts]) -> list[ImageFacts]:
    """Each image followed by all its descendants, so that a branch stays together; otherwise in the given order."""
    here = {image.id for image in images}
    children: defaultdict[UUID | None, list[ImageFacts]] = defaultdict(list)
    for image in images:
        is_child = image.parent_id in here and image.parent_id != image.id
        children[image.parent_id if is_child else None].append(image)
    ordered: list[ImageFacts] = []
    waiting = children.pop(None, [])[::-1]
    while waiting:
        image = waiting.pop()
        ordered.append(image)
        waiting += children.pop(image.id, [])[::-1]
    placed = {image.id for image in ordered}
    return ordered + [image for image in images if image.id not in placed]  # a cycle: in the given order


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The measures of a document, in millimetres. Pairs: first page (which has a heading), other pages."""

    paper: tuple[float, float]
    rows: int
    frame_width: float
    frame_heights: tuple[float, float]
    row_heights: tuple[float, float]
    caption_most: int
    note_most: int


def _sheet(options: StoryboardOptions, images: Sequence[ImageFacts]) -> _Sheet:
    """As many rows as keep the frames close to their preferred height."""
    short, long = _PAPERS[options.paper]
    paper = (long, short) if options.orientation == "landscape" else (short, long)
    wide, high = paper[0] - 2 * _MARGIN, paper[1] - 2 * _MARGIN - _FOOT
    across = (wide - (options.columns - 1) * _GUTTER) / options.columns
    words = _words_height(images, across, has_notes=options.notes)
    beside = 0.0
    if options.columns == 1:
        across, beside, words = wide * _BESIDE, wide * (1 - _BESIDE) - 1.5 * _GUTTER, 0.0
    ratios = sorted(image.width / image.height for image in images)
    natural = across / min(_WIDEST, max(_NARROWEST, ratios[len(ratios) // 2]))

    def row_height(room: float, rows: int) -> float:
        return (room - (rows - 1) * _ROW_GAP) / rows

    rows = 1
    while row_height(high - _HEAD, rows + 1) - words >= _SQUEEZED * natural:
        rows += 1
    row_heights = row_height(high - _HEAD, rows), row_height(high, rows)
    frame_heights = min(natural, row_heights[0] - words), min(natural, row_heights[1] - words)
    if beside:
        caption, note = frame_heights[0] / 14 * beside / _BESIDE_MM, 3 * beside / _BESIDE_MM
    else:
        caption = _CAPTION_LINES_MOST * across / _CAPTION_MM
        note = _NOTE_LINES_MOST * across / _NOTE_MM
    return _Sheet(paper, rows, across, frame_heights, row_heights, int(caption), int(note))


def _words_height(images: Sequence[ImageFacts], across: float, *, has_notes: bool) -> float:
    """The height of the longest caption and notes below a frame of this width."""

    def lines(text: str, column_mm: float, most: int) -> int:
        return min(most, math.ceil(columns_of(text) * column_mm / across))

    captions = (lines(image.prompt, _CAPTION_MM, _CAPTION_LINES_MOST) for image in images)
    notes = (
        sum(lines(note, _NOTE_MM, _NOTE_LINES_MOST) for note in image.notes[:_NOTES_MOST]) for image in images
    )
    return _AROUND + _CAPTION_LINE * max(captions) + (_NOTE_LINE * max(notes) if has_notes else 0.0)


def _facts(images: Sequence[ImageFacts]) -> str:
    first, last = (
        day(min(image.created_at for image in images)),
        day(max(image.created_at for image in images)),
    )
    span = first if first == last else f"{first} to {last}"
    return f"{len(images)} {'frame' if len(images) == 1 else 'frames'}  ·  {span}"


def _frames(images: Sequence[ImageFacts], made: Sequence[Print], sheet: _Sheet) -> list[dict[str, object]]:
    numbers = {image.id: number for number, image in enumerate(images, 1)}
    next_of: defaultdict[UUID, list[int]] = defaultdict(list)
    for image in images:
        if image.parent_id in numbers and image.parent_id != image.id:
            next_of[image.parent_id].append(numbers[image.id])
    return [
        {
            "number": number,
            "made_by": _MADE_BY.get(image.kind, image.kind) if image.parent_id else "",
            "parent": numbers.get(image.parent_id)
            if image.parent_id and image.parent_id != image.id
            else None,
            "has_parent": image.parent_id is not None,
            "next": next_of[image.id][:6],
            "next_left": max(0, len(next_of[image.id]) - 6),
            "picture": {
                "file": f"p{number}.jpg" if one.content else None,
                "width": one.width,
                "height": one.height,
                "alt": one_line(image.prompt, 200)["text"] or f"Frame {number}",
                "why": one.why,
            },
            "caption": one_line(image.prompt, sheet.caption_most),
            "notes": [one_line(note, sheet.note_most) for note in image.notes[:_NOTES_MOST] if note.strip()],
            "maker": one_line(image.maker, 60),
            "judgment": image.judgment,
        }
        for number, (image, one) in enumerate(zip(images, made, strict=True), 1)
    ]
