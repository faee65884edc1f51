"""Gemini's image models: their shapes and sizes, the tokens of an image, and how images are sent."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from google.genai import types
from PIL import Image

from dali.lib.pictures.compositing import png
from dali.lib.pictures.ground import ground_for, on_ground

Size = tuple[int, int]  # width, height in pixels

# Pixels at "1K" by aspect ratio; multiply by 0.5, 2 and 4 for "512", "2K" and "4K" (guide "Image
# generation", ai.google.dev/gemini-api/docs/image-generation, read November 2026).
_AT_1K: Mapping[str, Size] = MappingProxyType({
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
})  # fmt: skip
# gemini-2.5-flash-image makes other sizes (same source).
_AT_1K_2_5: Mapping[str, Size] = MappingProxyType({
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
})  # fmt: skip
# A request may have 20 MB in base64 (ai.google.dev/gemini-api/docs, read November 2026): two images and the prompt.
_MOST_SENT_BYTES = 7_000_000
_MOST_SENT_PX = 4096
# The API has no fields for mask, canvas or kind: the prompt describes them.
INSTRUCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "generate": "{prompt}",
        "edit": "{prompt}",
        "variation": (
            "Make a variation of this image: the same subject, style and palette in another composition. {prompt}"
        ),
        "inpaint": (
            "Edit the first image. The second image is a mask of the same size and framing: repaint only where the "
            "mask is white, and leave everything where it is black exactly as it is. Keep the framing. "
            "In the white area, paint: {prompt}"
        ),
        "outpaint": (
            "This image holds a picture; around it the canvas is flat grey and empty. Fill all of the grey, continuing "
            "the picture without a seam in its own style, light and perspective. Leave the picture itself exactly as "
            "it is, where it is and as large as it is. The whole scene: {prompt}"
        ),
        "upscale": (
            "Reproduce this image at a higher resolution, with finer detail. Change nothing else: the same content, "
            "composition, framing, colours and light. It shows: {prompt}"
        ),
    }
)
_SCALES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
RATIOS = tuple(_AT_1K)
_COMMON_RATIOS = tuple(_AT_1K_2_5)
IMAGE_SIZES = tuple(_SCALES)


@dataclass(frozen=True, slots=True)
class GeminiImageModel:
    """One model.

    `tokens`: output tokens of an image by image size; the model makes only these sizes. `takes_image_size`: whether a
    request may name the size. `thinking`: the allowed levels. `pixels`: (width, height) at "1K" by aspect ratio.
    """

    name: str
    tokens: Mapping[str, int]
    ratios: tuple[str, ...] = RATIOS
    takes_image_size: bool = True
    thinking: tuple[str, ...] = ()
    pixels: Mapping[str, Size] = field(default_factory=lambda: _AT_1K)

    @property
    def image_sizes(self) -> tuple[str, ...]:
        """The image sizes that it makes, smallest first."""
        return tuple(self.tokens)

    @property
    def nameable(self) -> tuple[str, ...]:
        """The image sizes that a request may name."""
        return self.image_sizes if self.takes_image_size else ()

    @property
    def upscales(self) -> bool:
        """Whether it makes images larger than 1K."""
        return "2K" in self.tokens

    def size_of(self, ratio: str, image_size: str) -> Size:
        """(width, height) in pixels for an aspect ratio and an image size."""
        scale = _SCALES[image_size]
        # The guide says 792x168 for 21:9 at 512; assumed to be a mistake, as half of 672 is 336.
        width, height = self.pixels[ratio]
        return int(width * scale), int(height * scale)

    def ratio_for(self, size: Size) -> str:
        """The aspect ratio nearest to that of `size`."""
        shape = math.log(size[0] / size[1])
        return min(self.ratios, key=lambda ratio: abs(math.log(_shape(ratio)) - shape))

    def image_size_for(self, size: Size) -> str:
        """The image size with the number of pixels nearest to that of `size`."""
        area = math.log(size[0] * size[1])

        def apart(image_size: str) -> float:
            return abs(math.log((1024 * _SCALES[image_size]) ** 2) - area)

        return min(self.image_sizes, key=apart)

    def image_size_above(self, size: Size) -> str | None:
        """The smallest image size that enlarges an image of `size`; None if none does."""
        ratio = self.ratio_for(size)
        for image_size in self.image_sizes:
            made = self.size_of(ratio, image_size)
            if min(made[0] / size[0], made[1] / size[1]) > 1:
                return image_size
        return None


def _shape(ratio: str) -> float:
    across, down = ratio.split(":")
    return int(across) / int(down)


# Output tokens by image size: 747, 1120, 1680, 2520 (gemini-3.1-flash-image) and 1120, 1120, 2000
# (gemini-3-pro-image) on their model pages, 1290 for gemini-2.5-flash-image (docs.cloud.google.com and ai.google.dev,
# read November 2026). For gemini-nano-banana-2.1 and the lite model only the price of 1K is published, which is that
# of 1120 tokens; larger sizes are assumed to cost the same as with gemini-3.1-flash-image.
# The first is the default. It is said to have replaced gemini-3.1-flash-image on 29 October 2026
# (github.com/BerriAI/litellm, discussion 44983; not confirmed).
MODELS = {
    model.name: model
    for model in (
        GeminiImageModel(
            "gemini-nano-banana-2.1",
            {"1K": 1120, "2K": 1680, "4K": 2520},
            thinking=("minimal", "low", "medium", "high"),
        ),
        GeminiImageModel(
            "gemini-3.1-flash-image",
            {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520},
            thinking=("minimal", "high"),
        ),
        GeminiImageModel("gemini-3-pro-image", {"1K": 1120, "2K": 1120, "4K": 2000}, _COMMON_RATIOS),
        GeminiImageModel("gemini-3.1-flash-lite-image", {"1K": 1120}, thinking=("minimal", "high")),
        GeminiImageModel(
            "gemini-2.5-flash-image",
            {"1K": 1290},
            _COMMON_RATIOS,
            takes_image_size=False,
            pixels=_AT_1K_2_5,
        ),
    )
}


def unlisted(name: str) -> GeminiImageModel:
    """A model that the operator names and this file does not list: assumed to work like the newest one here."""
    return GeminiImageModel(name, MODELS["gemini-nano-banana-2.1"].tokens, _COMMON_RATIOS)


def image_part(image: Image.Image, content: bytes | None = None) -> types.Part:
    """The image as PNG (`content`, if given), or as JPEG if that is too large, scaled down until it fits."""
    if max(image.size) <= _MOST_SENT_PX:
        content = content or png(image)
        if len(content) <= _MOST_SENT_BYTES:
            return types.Part.from_bytes(data=content, mime_type="image/png")
    image = on_ground(image, ground_for(image)).copy()
    most_px = min(_MOST_SENT_PX, max(image.size))
    while True:
        image.thumbnail((most_px, most_px), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        if buffer.tell() <= _MOST_SENT_BYTES:
            return types.Part.from_bytes(data=buffer.getvalue(), mime_type="image/jpeg")
        most_px = most_px * 3 // 4
