"""Results of each provider and model: counts, rates, times, costs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from artifacts.material import ImageFacts, JobFacts, VariantFacts
from artifacts.parts.figures import Share, Spread, pass_rate, spread_of

# Of each status without an image; the others are outcomes themselves.
_OUTCOMES = {"complete": "kept", "skipped": "duplicate", "queued": "waiting", "running": "waiting"}


@dataclass(frozen=True, slots=True)
class ModelTally:
    """One model of one provider. Each image requested has exactly one outcome; the outcomes add up to `asked`.

    `answered`: images returned, including duplicates and ones that could not be kept. `failures`: by code, most
    frequent first, including `refused`. `cost_usd`: the known cost; `cost_unknown`: images returned without a known
    cost; `unseen`: calls whose answer was never received, possibly billed.
    """

    provider: str
    model: str
    asked: int
    answered: int
    kept: int
    duplicates: int
    refused: int
    failed: int
    cancelled: int
    waiting: int
    failures: tuple[tuple[str, int], ...]
    verdicts: Share
    latency: Spread | None
    attempts: int
    unseen: int
    cost_usd: Decimal | None
    cost_per_image_usd: Decimal | None
    cost_unknown: int

    @property
    def label(self) -> str:
        """Provider and model in one line."""
        return f"{self.provider} · {self.model or 'model not known'}"


def tallies(jobs: Iterable[JobFacts], images: Iterable[ImageFacts]) -> tuple[ModelTally, ...]:
    """One per provider and model that was asked, ordered by name."""
    verdicts = {image.id: image.judgment for image in images}
    groups: dict[tuple[str, str], list[VariantFacts]] = {}
    for job in jobs:
        for variant in job.variants:
            groups.setdefault((variant.provider, variant.model), []).append(variant)
    return tuple(_tally(*key, variants, verdicts) for key, variants in sorted(groups.items()))


def _tally(
    provider: str, model: str, variants: list[VariantFacts], verdicts: Mapping[UUID, str | None]
) -> ModelTally:
    outcomes = Counter(_outcome(one) for one in variants)
    codes = Counter(one.code or "not said" for one in variants if one.status == "failed")
    calls = [step for one in variants for step in one.steps if step.name == "generate"]
    answered = [one for one in variants if _is_answered(one)]
    known = [one.cost_usd for one in answered if one.cost_usd is not None]
    all_known = [one.cost_usd for one in variants if one.cost_usd is not None]
    return ModelTally(
        provider=provider,
        model=model,
        asked=len(variants),
        answered=len(answered),
        kept=outcomes["kept"],
        duplicates=outcomes["duplicate"],
        refused=outcomes["refused"],
        failed=outcomes["failed"],
        cancelled=outcomes["cancelled"],
        waiting=outcomes["waiting"],
        failures=tuple(sorted(codes.items(), key=lambda one: (-one[1], one[0]))),
        verdicts=pass_rate(verdicts.get(one.image_id) for one in variants if one.image_id),
        latency=spread_of([step.ms for step in calls if step.status == "ok" and step.ms is not None]),
        attempts=sum(one.attempts for one in variants),
        unseen=sum(step.status == "unknown" for step in calls),
        cost_usd=sum(all_known, Decimal(0)) if all_known else None,
        cost_per_image_usd=sum(known, Decimal(0)) / len(known) if known else None,
        cost_unknown=len(answered) - len(known),
    )


def _outcome(variant: VariantFacts) -> str:
    if variant.image_id is not None:
        return "kept"
    if variant.status == "failed" and variant.code == "refused":
        return "refused"
    return _OUTCOMES.get(variant.status, variant.status)


def _is_answered(variant: VariantFacts) -> bool:
    if variant.image_id is not None or variant.status in ("complete", "skipped"):
        return True
    return any(step.name == "generate" and step.status == "ok" for step in variant.steps)
