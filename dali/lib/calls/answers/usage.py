"""What a call used, in the units of the services' prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from dali.lib.cleaning import clean_number, clean_text


class Unit(StrEnum):
    """The units of prices. Prices of tokens are for a million of them."""

    TEXT_INPUT = "text_input_tokens"
    CACHED_INPUT = "cached_input_tokens"
    IMAGE_INPUT = "image_input_tokens"
    TEXT_OUTPUT = "text_output_tokens"
    IMAGE_OUTPUT = "image_output_tokens"
    IMAGE = "images"
    OUTPUT_TILE = "output_tiles"  # of 512 x 512 pixels, rounded up
    STEP = "steps"
    INPUT_TILE_STEP = "input_tile_steps"
    OUTPUT_TILE_STEP = "output_tile_steps"


# Only for estimates. An image of 512 pixels is 255 tokens to OpenAI and 258 to Gemini (November 2026).
_CHARACTERS_A_TOKEN = 4
_TOKENS_AN_IMAGE = 260
# More than any call can use; at the highest price it still fits into the cost columns.
_MOST_UNITS = 10**9
_MOST_NAME = 120


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used of one model. `units`: the amount of each; units that are not named were not used.

    `service` and `model` are the names in the price table. If one amount is absurd (negative,
    not finite, more than 10^9), nothing is known and `units` is empty.
    """

    service: str
    model: str
    units: Mapping[Unit, int | Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Cleans what services and plug-ins report, so that it can be stored."""
        object.__setattr__(self, "service", clean_text(self.service, _MOST_NAME))
        object.__setattr__(self, "model", clean_text(self.model, _MOST_NAME))
        if any(clean_number(amount, _MOST_UNITS) is None for amount in self.units.values()):
            object.__setattr__(self, "units", {})

    def times(self, count: int) -> "Usage":
        """The usage of `count` such calls."""
        return Usage(self.service, self.model, {unit: amount * count for unit, amount in self.units.items()})

    @classmethod
    def estimated(
        cls, service: str, model: str, *, characters: int, images: int = 0, answer_tokens: int
    ) -> "Usage":
        """An estimate for a call with this much text and this many small images."""
        tokens = characters // _CHARACTERS_A_TOKEN + images * _TOKENS_AN_IMAGE
        return cls(service, model, {Unit.TEXT_INPUT: tokens, Unit.TEXT_OUTPUT: answer_tokens})

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Usage":
        """The usage in a record of `as_json`, without units that no longer exist."""
        units = {Unit(name): Decimal(str(amount)) for name, amount in record.items() if name in set(Unit)}
        return cls(str(record.get("service", "")), str(record.get("model", "")), units)

    def as_json(self) -> dict[str, object]:
        """For records: `{service, model, <unit>: number}`."""
        return {
            "service": self.service,
            "model": self.model,
            **{
                unit.value: float(amount) if isinstance(amount, Decimal) else amount
                for unit, amount in self.units.items()
            },
        }
