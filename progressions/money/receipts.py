"""What is known of a provider's answer besides its bytes, as the note beside them and for the ledger.

An answer is stored before its row can be written. A process that finds it after a crash reads its cost from the note,
so that it is neither asked for nor paid again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from dali.lib.calls.answers.usage import Usage
from dali.lib.logs import mask_facts
from knowledgebase.pricing import cost_of
from progressions.enums import Purpose
from progressions.models import Variant
from progressions.money import ledger
from progressions.provider import ProviderImage

# Facts for the record that are longer stay out of the note, which must be small.
_MOST_FACT_CHARACTERS = 120
_MOST_FACTS_CHARACTERS = 700


@dataclass(frozen=True)
class Receipt:
    """An answer without its bytes: its model and seed, and what it used and cost as far as known.

    `given_usd`: the cost that the provider reports. `day`: the day of the call, whose prices apply.
    """

    model: str
    seed: int | None
    given_usd: Decimal | None = None
    usage: Usage | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    day: date = field(default_factory=ledger.today)

    @classmethod
    def of(cls, image: ProviderImage) -> "Receipt":
        """The receipt of an answer. Secrets that a service repeats in `meta` are masked."""
        return cls(image.model, image.seed, image.cost_usd, image.usage, mask_facts(image.meta))

    @classmethod
    def of_usage(cls, usage: Usage) -> "Receipt":
        """The receipt of a failure that was paid for."""
        return cls(usage.model, None, None, usage)

    @cached_property
    def cost_usd(self) -> Decimal | None:
        """What it cost; None if unknown. Reads the price table on first use, after the answer is stored, so that a
        paid answer is stored even if the database fails."""
        if self.given_usd is not None or self.usage is None:
            return self.given_usd
        return cost_of(self.usage, self.day)

    @classmethod
    def found(cls, note: Mapping[str, Any] | None, variant: Variant) -> "Receipt":
        """From the note beside a stored answer; without one, the variant's provider and an unknown cost."""
        if note is None:
            return cls(variant.model, variant.seed)
        usage, cost, day = note.get("usage"), note.get("costUsd"), note.get("day")
        return cls(
            model=str(note.get("model", variant.model)),
            seed=note.get("seed"),
            given_usd=None if cost is None else Decimal(str(cost)),
            usage=Usage.from_json(usage) if usage else None,
            meta=note.get("meta", {}),
            day=date.fromisoformat(day) if day else ledger.today(),
        )

    def note(self, attempt: int) -> dict[str, object]:
        """What is stored beside the answer's bytes, small."""
        facts = {name: value for name, value in self.meta.items() if _is_short(value, _MOST_FACT_CHARACTERS)}
        return {
            "model": self.model,
            "seed": self.seed,
            "attempt": attempt,
            "costUsd": None if self.given_usd is None else str(self.given_usd),
            "day": self.day.isoformat(),
            "usage": None if self.usage is None else self.usage.as_json(),
            "meta": facts if _is_short(facts, _MOST_FACTS_CHARACTERS) else {},
        }

    def add_to(self, variant: Variant) -> None:
        """Adds the known cost to the variant's; the caller writes the row."""
        if self.cost_usd is not None:
            variant.cost_usd = (variant.cost_usd or Decimal(0)) + self.cost_usd

    def charge(self, variant: Variant, attempt: int) -> None:
        """Writes the call into the ledger, in the caller's transaction."""
        _charge(variant, attempt, usage=self.usage, usd=self.cost_usd, model=self.model)


def charge_possible(variant: Variant, attempt: int) -> None:
    """Records a call that was never answered in the ledger, at its estimate, in the caller's transaction."""
    _charge(variant, attempt, usd=variant.estimate_usd, is_possible=True, model=variant.model)


def _charge(
    variant: Variant,
    attempt: int,
    *,
    usd: Decimal | None,
    model: str,
    usage: Usage | None = None,
    is_possible: bool = False,
) -> None:
    ledger.charge(
        purpose=Purpose.IMAGE,
        project_id=variant.project_id,
        job_id=variant.job_id,
        variant_id=variant.id,
        usage=usage,
        usd=usd,
        is_possible=is_possible,
        attempt=attempt,
        service=variant.provider,
        model=model,
    )


def _is_short(value: object, most: int) -> bool:
    return len(json.dumps(value)) <= most
