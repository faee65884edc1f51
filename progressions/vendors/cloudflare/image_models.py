"""The image models of Workers AI: their fields, sizes and units of charge, from the schemas of their model pages.

Read November 2026 at developers.cloudflare.com/workers-ai/models and in the schema files behind it. The service rejects
a field that a model does not have (5006), so only fields listed here are sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Literal

from dali.lib.calls.answers.usage import Unit, Usage
from progressions.provider import OptionReader

Size = tuple[int, int]  # width, height in pixels

SERVICE = "workers"
TILE_PX = 512
# Input images of flux-2: "must be at most 512x512" (read November 2026).
FLUX_INPUT_PX = 512


@dataclass(frozen=True, slots=True)
class WorkersImageModel:
    """One model.

    `kinds`: values of progressions.enums.Kind. `form`: encoding of the request. `steps`: (minimum, maximum, default);
    `steps_field`: its field, empty if the steps are fixed at the default. `guidance`: (minimum, maximum), None without
    such a field. `sides`: (minimum, maximum) pixels of a side, in multiples of `multiple`; None if it makes
    only `size`. `size`: the default. `most_start_px`: the longest side of an image made from a start image if the job
    names no size. `charged_by`: `tiles` (and steps), `tile_steps` or `steps`. `most_prompt`: characters; 0: no limit.
    """

    name: str
    kinds: frozenset[str]
    steps: tuple[int, int, int]
    form: Literal["json", "multipart"] = "json"
    steps_field: str = "num_steps"
    guidance: tuple[float, float] | None = None
    has_negative_prompt: bool = False
    has_strength: bool = False
    has_seed: bool = True
    sides: tuple[int, int] | None = (256, 2048)
    multiple: int = 8
    size: Size = (1024, 1024)
    most_start_px: int = 1024
    charged_by: Literal["tiles", "tile_steps", "steps"] = "tiles"
    most_prompt: int = 0

    def size_for(self, asked: Size) -> Size:
        """The nearest size that the model makes: as large as possible, of the same shape if its limits allow that."""
        if self.sides is None:
            return self.size
        least, most = self.sides
        scale = min(1.0, most / max(asked))
        scale = max(scale, least / (min(asked) or 1))
        width, height = (self._side(side * scale) for side in asked)
        return width, height

    def size_like(self, start: Size) -> Size:
        """The size for a start image of this size if the job names none."""
        scale = min(1.0, self.most_start_px / max(start))
        return self.size_for((max(1, round(start[0] * scale)), max(1, round(start[1] * scale))))

    def usage(self, size: Size, steps: int, inputs: int = 0) -> Usage:
        """The usage of one image; the service reports none. `inputs`: the number of images sent."""
        tiles = ceil(size[0] / TILE_PX) * ceil(size[1] / TILE_PX)
        if self.charged_by == "steps":
            return Usage(SERVICE, self.name, {Unit.STEP: steps})
        if self.charged_by == "tiles":
            return Usage(SERVICE, self.name, {Unit.OUTPUT_TILE: tiles, Unit.STEP: steps})
        units: dict[Unit, int | Decimal] = {Unit.OUTPUT_TILE_STEP: tiles * steps}
        if inputs:  # each fits into one tile
            units[Unit.INPUT_TILE_STEP] = inputs * steps
        return Usage(SERVICE, self.name, units)

    def _side(self, pixels: float) -> int:
        least, most = self.sides or (1, max(self.size))
        rounded = round(pixels / self.multiple) * self.multiple
        return max(
            -(-least // self.multiple) * self.multiple, min(most // self.multiple * self.multiple, rounded)
        )


@dataclass(frozen=True, slots=True)
class Options:
    """`options.workers`, checked; `steps` is the model's default if the job names none."""

    steps: int
    guidance: float | None = None
    strength: float | None = None
    negative_prompt: str = ""


_GENERATE = frozenset({"generate"})
_FROM_IMAGE = frozenset({"edit", "variation"})
_FLUX_2 = _GENERATE | _FROM_IMAGE | {"inpaint"}
_DIFFUSION_GUIDANCE = (0.0, 30.0)  # the schema names no bounds


def _flux_2(name: str, steps: tuple[int, int, int], *, is_fixed: bool = False) -> WorkersImageModel:
    return WorkersImageModel(
        f"@cf/black-forest-labs/{name}",
        _FLUX_2,
        steps,
        form="multipart",
        steps_field="" if is_fixed else "steps",
        guidance=(0.0, 20.0),  # no bounds are documented
        sides=(256, 1920),
        multiple=16,
        most_start_px=1920,
        charged_by="tile_steps",
    )


def _diffusion(name: str, kinds: frozenset[str], size: Size, most_start_px: int) -> WorkersImageModel:
    return WorkersImageModel(
        name,
        kinds,
        (1, 20, 20),
        guidance=_DIFFUSION_GUIDANCE,
        has_negative_prompt=True,
        has_strength=True,
        size=size,
        most_start_px=most_start_px,
        charged_by="steps",
    )


# The first that can do a kind is used if the model of the setting cannot.
MODELS: dict[str, WorkersImageModel] = {
    model.name: model
    for model in (
        _flux_2("flux-2-dev", (1, 50, 25)),
        _flux_2("flux-2-klein-9b", (4, 4, 4), is_fixed=True),  # "fixed at 4 and cannot be adjusted"
        _flux_2("flux-2-klein-4b", (4, 4, 4), is_fixed=True),
        # width, height and seed are refused since its schema has additionalProperties: false.
        WorkersImageModel(
            "@cf/black-forest-labs/flux-1-schnell",
            _GENERATE,
            (1, 8, 4),
            steps_field="steps",
            has_seed=False,
            sides=None,
            most_prompt=2048,
        ),
        WorkersImageModel(
            "@cf/leonardo/lucid-origin",
            _GENERATE,
            (1, 40, 25),
            guidance=(0.0, 10.0),
            sides=(256, 2500),
            size=(1120, 1120),
        ),
        WorkersImageModel(
            "@cf/leonardo/phoenix-1.0",
            _GENERATE,
            (1, 50, 25),
            guidance=(2.0, 10.0),
            has_negative_prompt=True,
        ),
        _diffusion(
            "@cf/stabilityai/stable-diffusion-xl-base-1.0", _GENERATE | _FROM_IMAGE, (1024, 1024), 1024
        ),
        _diffusion("@cf/lykon/dreamshaper-8-lcm", _GENERATE | _FROM_IMAGE, (768, 768), 768),
        _diffusion("@cf/runwayml/stable-diffusion-v1-5-img2img", _FROM_IMAGE, (512, 512), 768),
        _diffusion(
            "@cf/runwayml/stable-diffusion-v1-5-inpainting",
            frozenset({"inpaint", "outpaint"}),
            (512, 512),
            768,
        ),
    )
}
OPTIONS = ("guidance", "negative_prompt", "steps", "strength")


def parse_options(model: WorkersImageModel, kind: str, options: Mapping[str, object]) -> Options:
    """Checks `options.workers` for a model. Raises InputError with the option, its value and what is allowed."""
    given = OptionReader("workers", options, OPTIONS, most_shown=80)
    least, most, default = model.steps

    def refuse_unless(is_taken: object, name: str, why: str) -> None:
        if name in options and not is_taken:
            raise given.refusal(name, f"not for {model.name}{why}")

    refuse_unless(model.steps_field, "steps", f", whose steps are fixed at {default}")
    steps = given.integer("steps", least, most) or default
    refuse_unless(model.guidance, "guidance", ", which takes no guidance")
    guidance = given.number("guidance", *(model.guidance or (0, 0)))
    refuse_unless(model.has_strength and kind != "generate", "strength", f" and {kind}: leave it out")
    strength = given.number("strength", 0, 1)
    refuse_unless(model.has_negative_prompt, "negative_prompt", ", which takes no negative prompt")
    text = options.get("negative_prompt", "")
    if "negative_prompt" in options and not (isinstance(text, str) and 1 <= len(text.strip()) <= 2000):
        raise given.refusal("negative_prompt", "not a text of 1 to 2000 characters")
    return Options(steps, guidance, strength, str(text).strip())
