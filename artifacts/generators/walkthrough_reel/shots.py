"""Shots of a film: where a picture is in the frame, how it moves, and its text.

A picture about as wide as the frame fills it. Others keep their shape in a window over their own blurred
background, with the text beside or below; panoramas and very tall pictures move along their length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from artifacts.generators.walkthrough_reel.film import Box, Mask, Packed, Planes
from artifacts.parts.lettering import Block, TextLine, plain
from dali.lib.pictures.fitting import Size, cover, scaled, shaped_box

INK, QUIET, ACCENT = "#fffaf3", "#e9dfd2cc", "#f2ab74"
_NIGHT = (21, 18, 16)
# Pictures narrower or wider than the frame by at most this share still fill it.
_FILLS = (0.8, 1.4)
# The narrowest and widest window; longer pictures move along in it.
_TALLEST, _WIDEST = 0.45, 2.6
_ZOOM = 1.1
# Maximum lengths of the window by which a picture moves.
_MOST_WINDOWS = 4
_MOST_WORDS = 170

Place = Literal["over", "beside", "below"]
Overlay = tuple[Planes, Mask, tuple[int, int]]  # a picture, where it is drawn, and its upper left corner


class Window(NamedTuple):
    """Where a picture is shown, in pixels of the frame, all even."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of one shot: the picture's window, the position of its text and the text's maximum width."""

    window: Window
    place: Place
    words_px: int


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture that moves in its window from one box to another, under a fixed overlay."""

    picture: Planes
    first: Box
    last: Box
    window: Window
    ground: Planes | None
    over: Overlay | None = None

    def frame(self, share: float) -> Packed:
        """The frame at `share` of the shot's time, 0 to 1."""
        left, top, right, bottom = (
            begin + (end - begin) * share for begin, end in zip(self.first, self.last, strict=True)
        )
        view = self.picture.view((left, top, right, bottom), (self.window.width, self.window.height))
        if self.ground is not None:
            canvas = self.ground.copy()
            canvas.paste(view, (self.window.left, self.window.top))
        else:
            canvas = view
        if self.over is not None:
            drawn, mask, at = self.over
            canvas.paste(drawn, at, mask)
        return canvas.packed()


def layout_of(frame: Size, picture: Size, *, has_words: bool) -> Layout:
    """The layout of a picture of that size in the frame."""
    width, height = frame
    ratio = picture[0] / picture[1]
    margin = round(min(frame) * 0.085)
    relative = ratio * height / width
    if _FILLS[0] <= relative <= _FILLS[1]:
        most = width - 2 * margin
        return Layout(Window(0, 0, width, height), "over", min(most, max(round(width * 0.62), margin * 7)))
    ratio = min(max(ratio, _TALLEST), _WIDEST)
    if relative > 1:
        room = (width - 2 * margin, height - (2 if not has_words else 4) * margin)
        return Layout(_centred(frame, room, ratio), "below", width - 2 * margin)
    window = _centred(frame, (width - 2 * margin, height - 2 * margin), ratio)
    beside = width - window.width - 3 * margin
    if has_words and beside >= margin * 4:
        return Layout(window._replace(left=_even(width - margin - window.width)), "beside", beside)
    if has_words:
        window = _centred(frame, (width - 2 * margin, height - 5 * margin), ratio)
    return Layout(window, "below", width - 2 * margin)


def words_of(layout: Layout, frame: Size, eyebrow: str, text: str) -> Block:
    """The text of a picture: a small line, such as its provider, and its prompt."""
    unit = min(frame) / 720
    size = {"over": 30, "beside": 34, "below": 26}[layout.place] * unit
    return Block(
        (
            TextLine(plain(eyebrow, 60).upper(), 15 * unit, ACCENT, is_serif=False, tracking=0.14),
            TextLine(plain(text, _MOST_WORDS), size, INK, above_px=16 * unit),
        ),
        layout.words_px,
    )


def shot_of(
    picture: Image.Image, frame: Size, layout: Layout, words: Image.Image | None, number: int
) -> Shot:
    """The shot of an RGB picture; `number` varies its direction."""
    margin = round(min(frame) * 0.085)
    if layout.place == "over":
        first, last, moved = _moves(picture, layout.window, number)
        return Shot(moved, first, last, layout.window, None, _scrim(words, frame, margin))
    window = layout.window
    if words is not None and layout.place == "below":
        above = (frame[1] - window.height - margin // 2 - words.height) // 2
        window = window._replace(top=_even(max(margin // 2, above)))
    ground = _ground(picture, frame, window)
    if words is not None and layout.place == "beside":
        ground.paste(words, (margin, max(0, (frame[1] - words.height) // 2)), words)
    elif words is not None:
        ground.paste(words, (window.left, window.top + window.height + margin // 2), words)
    first, last, moved = _moves(picture, window, number)
    return Shot(moved, first, last, window, Planes.of(ground))


def title_block(frame: Size, eyebrow: str, title: str, lines: Sequence[str]) -> Block:
    """The text of a title card."""
    unit = min(frame) / 720
    title = plain(title, 200)
    size = 84 if len(title) <= 24 else 64 if len(title) <= 60 else 46 if len(title) <= 120 else 36
    small = (
        TextLine(plain(line, 160), 21 * unit, QUIET, is_serif=False, above_px=22 * unit) for line in lines
    )
    return Block(
        (
            TextLine(eyebrow.upper(), 16 * unit, ACCENT, is_serif=False, tracking=0.18),
            TextLine(title, size * unit, INK, above_px=20 * unit),
            *small,
        ),
        round(min(frame[0] - 2 * 0.1 * min(frame), frame[0] * 0.8)),
    )


def title_shot(picture: Image.Image, frame: Size, words: Image.Image) -> Shot:
    """A title over a darkened picture that fills the frame."""
    window = Window(0, 0, *frame)
    first, last, moved = _moves(cover(picture, frame, (0.5, 0.4)), window, 0)
    shade = Image.new("RGBA", frame, (*_NIGHT, 140))
    at = round(min(frame) * 0.1), max(0, (frame[1] - words.height) // 2)
    shade.alpha_composite(words.crop((0, 0, words.width, min(words.height, frame[1]))), at)
    return Shot(moved, first, last, window, None, _over(shade, (0, 0)))


def _centred(frame: Size, room: Size, ratio: float) -> Window:
    width = min(room[0], room[1] * ratio)
    size = (_even(width), _even(width / ratio))
    return Window(_even((frame[0] - size[0]) / 2), _even((frame[1] - size[1]) / 2), *size)


def _even(number: float) -> int:
    return max(2, round(number / 2) * 2) if number > 0 else 0


def _moves(picture: Image.Image, window: Window, number: int) -> tuple[Box, Box, Planes]:
    """The first and last box, and the picture scaled to about the window's pixels.

    Of a very thin picture only the middle is shown: as many windows as can be watched passing by.
    """
    ratio = window.width / window.height
    box = shaped_box(picture.size, ratio / _MOST_WINDOWS, ratio * _MOST_WINDOWS)
    width, height = box[2] - box[0], box[3] - box[1]
    scale = max(window.width / width, window.height / height)
    size = (
        max(window.width, _even(width * scale * _ZOOM)),
        max(window.height, _even(height * scale * _ZOOM)),
    )
    moved = scaled(picture, size, box)
    whole = min(
        size[0] / window.width, size[1] / window.height
    )  # the box of the whole picture, in pixels of the window
    near, far = whole / _ZOOM, whole
    across, down = ((0.5, 0.35), (0.35, 0.6), (0.62, 0.5), (0.45, 0.42))[number % 4]
    # Along the side that exceeds the window, it moves almost from end to end.
    slack = (size[0] - window.width * whole) / size[0], (size[1] - window.height * whole) / size[1]
    begin, end = (0.06, 0.94) if number % 2 else (0.94, 0.06)
    long_across, long_down = slack[0] > 0.1, slack[1] > 0.1
    if long_across or long_down:
        near = far = whole / 1.02
        begin, end = (begin, end) if long_across else (0.06, 0.94)
    boxes = [
        _box(size, window, far, begin if long_across else across, begin if long_down else down),
        _box(size, window, near, end if long_across else across, end if long_down else down),
    ]
    if number % 2 and not (long_across or long_down):
        boxes.reverse()
    return boxes[0], boxes[1], Planes.of(moved)


def _box(size: Size, window: Window, scale: float, across: float, down: float) -> Box:
    width, height = min(size[0], window.width * scale), min(size[1], window.height * scale)
    left, top = (size[0] - width) * across, (size[1] - height) * down
    return left, top, left + width, top + height


def _ground(picture: Image.Image, frame: Size, window: Window) -> Image.Image:
    """The picture itself, blurred and darkened, with the window's shadow."""
    small = (max(2, frame[0] // 20), max(2, frame[1] // 20))
    ground = scaled(picture, small, resample=Image.Resampling.BOX)
    ground = ground.filter(ImageFilter.GaussianBlur(4)).resize(frame, Image.Resampling.BICUBIC)
    ground = Image.blend(ground, Image.new("RGB", frame, _NIGHT), 0.66)
    shadow = Image.new("L", (frame[0] // 4, frame[1] // 4))
    left, top = window.left // 4, window.top // 4 + 3
    ImageDraw.Draw(shadow).rectangle(
        (left, top, left + window.width // 4, top + window.height // 4), fill=150
    )
    shadow = shadow.filter(ImageFilter.GaussianBlur(7)).resize(frame, Image.Resampling.BILINEAR)
    ground.paste((6, 5, 4), (0, 0), shadow)
    # A little fixed noise hides the banding of 8 bits in a dark gradient.
    grain = np.random.default_rng(4).integers(-1, 2, (frame[1], frame[0], 1), dtype=np.int16)
    return Image.fromarray((np.asarray(ground) + grain).clip(0, 255).astype(np.uint8))


def _scrim(words: Image.Image | None, frame: Size, margin: int) -> Overlay | None:
    """Text at the bottom of a full-frame picture, over a shade that keeps it legible."""
    if words is None:
        return None
    height = min(frame[1], _even(words.height + 3 * margin))
    rise = np.linspace(0, 1, height) ** 1.1 * 225
    shade = Image.new("RGBA", (frame[0], height), (*_NIGHT, 0))
    shade.putalpha(Image.fromarray(np.broadcast_to(rise[:, None], (height, frame[0])).astype(np.uint8)))
    top = max(0, height - words.height - margin)
    shade.alpha_composite(words.crop((0, 0, words.width, height - top)), (margin, top))
    return _over(shade, (0, frame[1] - height))


def _over(shade: Image.Image, at: tuple[int, int]) -> Overlay:
    return Planes.of(shade.convert("RGB")), Mask(shade.getchannel("A")), at
