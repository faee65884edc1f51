"""The figures of a report: of all work, of each model, and of each call. Words and numbers, no layout."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypedDict

from artifacts.material import ImageFacts, JobFacts, Material, VariantFacts
from artifacts.parts.figures import Share, counted, rate_of
from artifacts.parts.tally import ModelTally
from artifacts.templatetags.artifact_pages import day, seconds, usd

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_RESULTS = {
    "complete": "made",
    "failed": "failed",
    "cancelled": "cancelled",
    "queued": "under way",
    "running": "under way",
}


class SummaryFigure(TypedDict):
    """One figure of the summary: label, value, and a note needed to read it."""

    label: str
    value: str
    note: str


class ModelRow(TypedDict):
    """One model of one provider. `low`, `share`, `high`: its pass rate and interval, None without verdicts."""

    label: str
    asked: int
    kept: int
    not_kept: str
    passed: str
    low: float | None
    share: float | None
    high: float | None
    median: str
    cost: str
    cost_share: float
    per_image: str
    unknown: str


class CallRow(TypedDict):
    """One image requested: provider and model, seed, and outcome."""

    maker: str
    seed: str
    result: str
    why: str
    is_failure: bool
    time: str
    cost: str


def summary(material: Material, rows: Sequence[ModelTally]) -> list[SummaryFigure]:
    """The figures of the first page; unknown values are counted."""
    verdicts = rate_of(
        sum(image.judgment == "pass" for image in material.images),
        sum(image.judgment is not None for image in material.images),
    )
    providers = sorted({image.provider for image in material.images} | {row.provider for row in rows})
    return [
        {"label": "Images", "value": str(len(material.images)), "note": _asked_note(rows)},
        {
            "label": "Pass rate",
            "value": verdicts.percent,
            "note": _verdicts_note(verdicts, len(material.images)),
        },
        {"label": "Cost", "value": _cost(rows), "note": cost_note(rows)},
        {"label": "Providers", "value": str(len(providers)), "note": ", ".join(providers)},
        _span(material),
        _losses(rows),
    ]


def model_rows(rows: Sequence[ModelTally]) -> list[ModelRow]:
    """One row per model, for each table."""
    most = max((row.cost_usd or Decimal(0) for row in rows), default=Decimal(0))
    return [
        {
            "label": row.label,
            "asked": row.asked,
            "kept": row.kept,
            "not_kept": _not_kept(row),
            "passed": f"{row.verdicts.part} of {row.verdicts.whole}" if row.verdicts.whole else "none judged",
            "low": row.verdicts.low if row.verdicts.whole else None,
            "share": row.verdicts.share,
            "high": row.verdicts.high if row.verdicts.whole else None,
            "median": seconds(round(row.latency.median.value)) if row.latency else "not known",
            "cost": usd(row.cost_usd) if row.cost_usd is not None else "not known",
            "cost_share": float((row.cost_usd or 0) / most) if most else 0.0,
            "per_image": usd(row.cost_per_image_usd) or "not known",
            "unknown": _unknown(row.cost_unknown, row.unseen),
        }
        for row in rows
    ]


def call_rows(job: JobFacts) -> list[CallRow]:
    """One row per image that a job requested."""
    return [_call(variant) for variant in job.variants]


def cost_note(rows: Sequence[ModelTally]) -> str:
    """How much of the cost is unknown."""
    unknown, unseen = sum(row.cost_unknown for row in rows), sum(row.unseen for row in rows)
    if not unknown and not unseen:
        return "known for every image returned"
    return f"without {_unknown(unknown, unseen)}"


def span_of(images: Sequence[ImageFacts]) -> str:
    """From the day of the first image to the day of the last."""
    first, last = (
        day(min(image.created_at for image in images)),
        day(max(image.created_at for image in images)),
    )
    return first if first == last else f"{first} to {last}"


def _asked_note(rows: Sequence[ModelTally]) -> str:
    asked = sum(row.asked for row in rows)
    return f"of {asked} asked for" if asked else "imported"


def _verdicts_note(verdicts: Share, images: int) -> str:
    if not verdicts.whole:
        return f"none of {counted(images, 'image')} has a verdict"
    note = f"{verdicts.part} of {verdicts.whole} judged; 95 % interval {verdicts.interval}"
    return note + (f"; {images - verdicts.whole} not judged" if images > verdicts.whole else "")


def _cost(rows: Sequence[ModelTally]) -> str:
    known = [row.cost_usd for row in rows if row.cost_usd is not None]
    return usd(sum(known, Decimal(0))) if known else "not known"


def _unknown(count: int, unseen: int) -> str:
    parts = []
    if count:
        parts.append(f"{counted(count, 'image')} of unknown cost")
    if unseen:
        parts.append(f"{counted(unseen, 'call')} without a received answer")
    return " and ".join(parts)


def _span(material: Material) -> SummaryFigure:
    began = min([job.created_at for job in material.jobs] + [image.created_at for image in material.images])
    ended = max(image.created_at for image in material.images)
    first, last = day(began), day(ended)
    if first == last:
        passed = ended - began
        value = (
            f"{max(1, round(passed / 1000))} s"
            if passed < _MINUTE
            else f"{round(passed / _MINUTE)} min"
            if passed < _HOUR
            else f"{passed / _HOUR:.1f} h"
        )
        times = [f"{datetime.fromtimestamp(ms / 1000, tz=UTC):%H:%M}" for ms in (began, ended)]
        return {"label": "Time span", "value": value, "note": f"{first}, {times[0]} to {times[1]} UTC"}
    days = ended // _DAY - began // _DAY + 1
    return {"label": "Time span", "value": f"{days} days", "note": f"{first} to {last}"}


def _losses(rows: Sequence[ModelTally]) -> SummaryFigure:
    duplicates = sum(row.duplicates for row in rows)
    refused, failed = sum(row.refused for row in rows), sum(row.failed for row in rows)
    cancelled, waiting = sum(row.cancelled for row in rows), sum(row.waiting for row in rows)
    parts = [
        (duplicates, f"{counted(duplicates, 'duplicate')} not kept"),
        (refused, f"{refused} refused"),
        (failed, f"{failed} failed"),
        (cancelled, f"{cancelled} cancelled"),
        (waiting, f"{waiting} under way"),
    ]
    note = ", ".join(words for count, words in parts if count)
    return {
        "label": "Without an image",
        "value": str(duplicates + refused + failed + cancelled + waiting),
        "note": note or "every image requested was made",
    }


def _not_kept(row: ModelTally) -> str:
    parts = [
        (row.duplicates, counted(row.duplicates, "duplicate")),
        *((count, f"{count} {code.replace('_', ' ')}") for code, count in row.failures),
        (row.cancelled, f"{row.cancelled} cancelled"),
        (row.waiting, f"{row.waiting} under way"),
    ]
    return ", ".join(words for count, words in parts if count)


def _call(variant: VariantFacts) -> CallRow:
    result, why = _RESULTS.get(variant.status, variant.status), ""
    if variant.status == "failed":
        result = f"failed: {variant.code.replace('_', ' ')}" if variant.code else "failed"
        why = variant.error
    elif variant.status == "skipped":
        result = "duplicate, not kept"
    return {
        "maker": f"{variant.provider} · {variant.model or 'model not known'}",
        "seed": str(variant.seed),
        "result": result,
        "why": why,
        "is_failure": variant.status == "failed",
        "time": seconds(variant.ms),
        "cost": usd(variant.cost_usd) or ("" if variant.status != "complete" else "not known"),
    }
