"""Combines start images, masks and a model's answer, so that unmasked pixels stay exactly as they were.

Models repaint more than requested, and in their own sizes. Everything here is pure and deterministic.
A mask is mode L in the start image's size: 255 = repaint, 0 = keep, values between blend. Functions that take bytes
take them as in ProviderRequest and raise InvalidImageError if they do not decode.

How a provider uses it:

- inpaint: `frame = Frame.around(start.size, legal_size)`, send `frame.put(start)` and `frame.put_mask(mask)`;
  in `finish`, with the same frame: `repainted(request.start_image, request.mask, content, frame)`.
- outpaint: `plan = plan_outpaint(start.size, request.size)`, `frame = Frame.around(plan.canvas, legal_size)`, send
  `frame.put(plan.canvas_with(start))` and `frame.put_mask(plan.mask(), 255)`; in `finish`:
  `outpainted(request.start_image, content, plan, frame)`.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dali.lib.pictures.encoding import encoded
from dali.lib.pictures.images import InvalidImageError, decode, decode_mask

Size = tuple[int, int]  # width, height in pixels

# A smaller difference in shape is stretched away; the answer is stretched back, so nothing moves.
_STRETCH = 0.03


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture's position on the canvas shown to a model, which may have another size and shape.

    `canvas`: (width, height). `box`: (left, top, right, bottom) of the picture on it, in pixels.
    """

    canvas: Size
    box: tuple[int, int, int, int]

    @classmethod
    def around(cls, size: Size, canvas: Size) -> "Frame":
        """The frame that shows a picture of `size` as large as possible, centred on the canvas."""
        scale = min(canvas[0] / size[0], canvas[1] / size[1])
        width, height = (max(1, round(side * scale)) for side in size)
        if width >= canvas[0] * (1 - _STRETCH):
            width = canvas[0]
        if height >= canvas[1] * (1 - _STRETCH):
            height = canvas[1]
        left, top = (canvas[0] - width) // 2, (canvas[1] - height) // 2
        return cls(canvas, (left, top, left + width, top + height))

    @property
    def is_full(self) -> bool:
        """Whether the picture covers the whole canvas."""
        return self.box == (0, 0, *self.canvas)

    def put(self, image: Image.Image) -> Image.Image:
        """The canvas with the picture in its box; the area around is filled by extending its edges."""
        size = self.box[2] - self.box[0], self.box[3] - self.box[1]
        fitted = image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
        if self.is_full:
            return fitted
        left, top, right, bottom = self.box
        around = [(top, self.canvas[1] - bottom), (left, self.canvas[0] - right), (0, 0)]
        pixels = np.asarray(fitted)
        return Image.fromarray(np.pad(pixels, around[: pixels.ndim], mode="edge"), fitted.mode)

    def put_mask(self, mask: Image.Image, around: int = 0) -> Image.Image:
        """The mask (L) on the canvas; the area around the picture is kept (0) or repainted (255)."""
        size = self.box[2] - self.box[0], self.box[3] - self.box[1]
        fitted = mask if mask.size == size else mask.resize(size, Image.Resampling.BOX)
        if self.is_full:
            return fitted
        canvas = Image.new("L", self.canvas, around)
        canvas.paste(fitted, self.box)
        return canvas

    def take(self, answer: Image.Image, size: Size) -> Image.Image:
        """The picture from an answer to this canvas, of any size, scaled to `size` (width, height)."""
        if self.is_full and size == answer.size:
            return answer
        across, down = answer.width / self.canvas[0], answer.height / self.canvas[1]
        left, top, right, bottom = self.box
        box = (left * across, top * down, right * across, bottom * down)
        return answer.resize(size, Image.Resampling.LANCZOS, box=box)


@dataclass(frozen=True, slots=True)
class OutpaintPlan:
    """The layout of an outpaint: a `canvas` (width, height) with the start image (`start`) at `at` (left, top)."""

    canvas: Size
    start: Size
    at: tuple[int, int]

    def canvas_with(self, start: Image.Image) -> Image.Image:
        """The canvas, RGBA: the start image in place, the rest transparent."""
        canvas = Image.new("RGBA", self.canvas, (0, 0, 0, 0))
        canvas.paste(start.convert("RGBA"), self.at)
        return canvas

    def mask(self) -> Image.Image:
        """L, size of the canvas: 0 where the start image is, 255 elsewhere."""
        mask = Image.new("L", self.canvas, 255)
        mask.paste(0, (*self.at, self.at[0] + self.start[0], self.at[1] + self.start[1]))
        return mask

    def put_back(self, start: Image.Image, answer: Image.Image) -> Image.Image:
        """The answer, in canvas size, with the exact pixels of the start image put back, including transparency."""
        mode = "RGBA" if "RGBA" in (start.mode, answer.mode) else "RGB"
        canvas = answer.convert(mode) if answer.mode != mode else answer.copy()
        canvas.paste(start.convert(mode), self.at)
        return canvas


def plan_outpaint(start: Size, asked: Size | None, *, most_pixels: int = 50_000_000) -> OutpaintPlan:
    """The canvas requested, enlarged if needed to contain the start image, which is centred.

    Without a size, or without one larger than the start image, both sides grow by half, or by as much as `most_pixels`
    (DALI_MAX_IMAGE_PIXELS) allows.
    """
    canvas = max(start[0], (asked or start)[0]), max(start[1], (asked or start)[1])
    if canvas == start:
        growth = min(1.5, math.sqrt(most_pixels / (start[0] * start[1])))
        canvas = int(start[0] * max(1.0, growth)), int(start[1] * max(1.0, growth))
    return OutpaintPlan(canvas, start, ((canvas[0] - start[0]) // 2, (canvas[1] - start[1]) // 2))


def keep_unmasked(start: Image.Image, mask: Image.Image, answer: Image.Image) -> Image.Image:
    """The start image with the answer's pixels where the mask says so; all three have the same size.

    Mask 0: exactly the start image; 255: exactly the answer. RGBA if either is.
    """
    if "RGBA" not in (start.mode, answer.mode):
        return Image.composite(answer.convert("RGB"), start.convert("RGB"), mask)
    before, after = (np.asarray(image.convert("RGBA")) for image in (start, answer))
    share = np.asarray(mask)
    result = np.where(share[..., None] == 255, after, before)
    between = (share > 0) & (share < 255)
    if between.any():
        result[between] = _blended(before[between], after[between], share[between])
    return Image.fromarray(result, "RGBA")


def repainted(start: bytes, mask: bytes, answer: bytes, frame: Frame | None = None) -> bytes:
    """PNG of the start image, in its own size, with the answer's pixels where the mask says so.

    `frame`: how the start image was shown to the model; None: unchanged.
    """
    original = decode(start).image
    area = decode_mask(mask, original.size)
    made = decode(answer).image
    frame = frame or Frame.around(original.size, original.size)
    return png(keep_unmasked(original, area, frame.take(made, original.size)))


def outpainted(start: bytes, answer: bytes, plan: OutpaintPlan, frame: Frame | None = None) -> bytes:
    """PNG of the plan's canvas: the answer with the exact pixels of the start image put back.

    `frame`: how the canvas was shown to the model; None: unchanged.
    """
    original = decode(start).image
    if original.size != plan.start:
        raise InvalidImageError(
            f"the start image is not of the planned size, {plan.start[0]}x{plan.start[1]}"
        )
    made = decode(answer).image
    frame = frame or Frame.around(plan.canvas, plan.canvas)
    return png(plan.put_back(original, frame.take(made, plan.canvas)))


def alpha_mask(mask: Image.Image) -> Image.Image:
    """The mask for services that use transparency: RGBA, alpha 0 = repaint, 255 = keep, white."""
    ground = Image.new("RGBA", mask.size, (255, 255, 255, 255))
    ground.putalpha(mask.point(lambda value: 255 - value))
    return ground


def png(image: Image.Image, *, compress_level: int = 1) -> bytes:
    """The image as PNG; by default compressed for speed."""
    return encoded(image, "PNG", compress_level=compress_level)


def _blended(before: np.ndarray, after: np.ndarray, share: np.ndarray) -> np.ndarray:
    """RGBA between two: colours weighted by alpha, so that invisible pixels add no tint."""
    weight = share[:, None].astype(np.float64) / 255
    was, now = before[:, 3:] * (1 - weight), after[:, 3:] * weight
    alpha = was + now
    colour = (before[:, :3] * was + after[:, :3] * now) / np.maximum(alpha, 1e-9)
    return np.concatenate((colour, alpha), axis=1).round().clip(0, 255).astype(np.uint8)
