"""OpenAI's image models: their options, sizes, and the tokens of an image."""

import math
from dataclasses import dataclass

from dali.lib.calls.answers.usage import Unit, Usage

Size = tuple[int, int]  # width, height in pixels

# The SDK's list (openai 3.54.0, types/image_model.py) without retired models: dall-e-2 and -3 (12 May 2026) and
# gpt-image-1 (23 October 2026). flare is fast; sunburst is for detail and edits.
MODELS = (
    "gpt-image-2.6-flare",
    "gpt-image-2.6-sunburst",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-flare-2026-09-08",
    "gpt-image-2.5-sunburst",
    "gpt-image-2.5-sunburst-2026-09-08",
    "gpt-image-2",
    "gpt-image-2-2026-04-21",
    "gpt-image-1.5",
    "gpt-image-1-mini",
    "chatgpt-image-latest",
)

FIXED_SIZES: tuple[Size, ...] = ((1024, 1024), (1536, 1024), (1024, 1536))
# gpt-image-2 and later: "Width and height must both be divisible by 16 and the requested aspect ratio must be between
# 1:3 and 3:1" (SDK); edge and pixels from the image generation guide. Both read November 2026.
_STEP_PX, _MOST_PX, _MOST_RATIO = 16, 3840, 3
_LEAST_PIXELS, _MOST_PIXELS = 655_360, 8_294_400

_THREE = ("low", "medium", "high", "auto")
_FIVE = ("low", "medium", "high", "xhigh", "max", "auto")


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """The options of the models of one generation.

    `has_any_size`: any legal WIDTHxHEIGHT; otherwise FIXED_SIZES. `is_open`: an unknown model of a compatible server,
    which gets the requested size unchanged. `fidelities`: values of `input_fidelity`.
    """

    qualities: tuple[str, ...] = _THREE
    has_any_size: bool = True
    has_transparency: bool = True
    has_complexity: bool = False
    fidelities: tuple[str, ...] = ()
    is_open: bool = False

    def nearest(self, asked: Size) -> Size:
        """The size to ask for: the requested one if it is legal, otherwise the nearest in shape."""
        if self.is_open:
            return asked
        if not self.has_any_size:
            return min(FIXED_SIZES, key=lambda size: _apart(size, asked))
        return _nearest_free(asked)


# xhigh and max: the SDK names the 2.5 models; ComfyUI's and others' nodes for 2.6 offer "low to max" as well.
# complexity: the guide's section on 2.6. input_fidelity: "high and low on gpt-image-1.5; gpt-image-1-mini supports
# only low. For gpt-image-2, omit" (SDK). Transparency on gpt-image-2 is "in preview" (SDK), the guide says no. All
# read November 2026.
_FAMILIES = {
    "gpt-image-2.6": ModelFamily(_FIVE, has_complexity=True),
    "gpt-image-2.5": ModelFamily(_FIVE),
    "gpt-image-2": ModelFamily(has_transparency=False),
    "gpt-image-1.5": ModelFamily(has_any_size=False, fidelities=("low", "high")),
    "gpt-image-1-mini": ModelFamily(has_any_size=False, fidelities=("low",)),
    "chatgpt-image": ModelFamily(has_any_size=False),
}
_OPEN = ModelFamily(_FIVE, has_complexity=True, fidelities=("low", "high"), is_open=True)


def family_of(model: str) -> ModelFamily:
    """The family of a model; for a model that is not OpenAI's, one without assumptions."""
    return next((family for prefix, family in _FAMILIES.items() if model.startswith(prefix)), _OPEN)


def capped(size: Size, most_pixels: int) -> Size:
    """The size, reduced in the same shape to at most `most_pixels`."""
    scale = min(1.0, math.sqrt(most_pixels / (size[0] * size[1])))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def estimate(
    model: str, size: Size, quality: str, *, prompt: str, start_images: int = 0, partials: int = 0
) -> Usage:
    """The usage of one image, rather too high: auto counts as high, unknown models as the most expensive."""
    units = {
        # A token is about four characters of English; in other scripts it may be a character of three bytes.
        Unit.TEXT_INPUT: len(prompt.encode()) // 3 + 50,
        # "Each partial image costs 100 more image output tokens" (guide, read November 2026).
        Unit.IMAGE_OUTPUT: _output_tokens(model, size, quality) + 100 * partials,
    }
    if start_images:
        # gpt-image-1 at high fidelity: 6,240 tokens for an image that is not square, plus 323. Later models always
        # use high fidelity.
        units[Unit.IMAGE_INPUT] = 6_600 * start_images
    return Usage("openai", model, units)


# gpt-image-1's table (guide): the tokens of 1024x1024, and the higher of those of 1024x1536 and 1536x1024.
_FIXED_TOKENS = {"low": (272, 408), "medium": (1056, 1584), "high": (4160, 6240)}
# gpt-image-2's calculator, reconstructed by users (community.openai.com/t/1382699, read November 2026): factor * short
# factor * (2,000,000 + pixels) / 4,000,000, which gives 7,024 tokens for 1024x1024 at high. xhigh and max are assumed
# to continue the series.
_FACTORS = {"low": 16, "medium": 48, "high": 96, "xhigh": 144, "max": 192}


def _output_tokens(model: str, size: Size, quality: str) -> int:
    family = family_of(model)
    quality = quality if quality in _FACTORS else "high"
    if not family.has_any_size:
        return _FIXED_TOKENS[quality][size[0] != size[1]]
    factor = _FACTORS[quality]
    short = (2 * factor * min(size) + max(size)) // (2 * max(size))
    return math.ceil(factor * short * (2_000_000 + size[0] * size[1]) / 4_000_000)


def _apart(size: Size, asked: Size) -> float:
    """The distance between two sizes: mainly of their shapes, then of their areas."""
    shape = abs(math.log(size[0] / size[1]) - math.log(asked[0] / asked[1]))
    area = abs(math.log(size[0] * size[1]) - math.log(asked[0] * asked[1]))
    return shape + 0.3 * area


def _nearest_free(asked: Size) -> Size:
    if _is_legal(asked):
        return asked
    ratio = min(max(asked[0] / asked[1], 1 / _MOST_RATIO), _MOST_RATIO)
    pixels = min(max(asked[0] * asked[1], _LEAST_PIXELS), _MOST_PIXELS)
    width = min(math.sqrt(pixels * ratio), _MOST_PX, _MOST_PX * ratio)
    columns, rows = round(width / _STEP_PX), round(width / ratio / _STEP_PX)
    around = range(-3, 4)
    candidates = [((columns + x) * _STEP_PX, (rows + y) * _STEP_PX) for x in around for y in around]
    wanted = round(width), round(width / ratio)
    return min((size for size in candidates if _is_legal(size)), key=lambda size: _apart(size, wanted))


def _is_legal(size: Size) -> bool:
    return (
        all(0 < side <= _MOST_PX and side % _STEP_PX == 0 for side in size)
        and max(size) <= _MOST_RATIO * min(size)
        and _LEAST_PIXELS <= size[0] * size[1] <= _MOST_PIXELS
    )
