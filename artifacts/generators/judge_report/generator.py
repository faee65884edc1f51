"""Judge report: verdicts over time, common notes and tags, and every failed image with what to try next."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from artifacts.generator import EmptyMaterialError, File, Generator, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import ImageFacts, Material
from artifacts.parts.charts import Bar, BarPart, Dot, Figure, Tick, Words, columns, dots, shares_over_time
from artifacts.parts.figures import Share, rate_of
from artifacts.parts.sheet import Cell, csv_file
from dali.lib.texts import comparable

_MOST_WORDS = 20  # maximum number of notes and tags listed
_ROLLBACK = "rollback"  # shows an earlier image again, which the judge has seen
_HEAD = (
    "id", "created_at", "project_id", "kind", "provider", "model", "judgment", "notes", "tags", "retry_suggestion",
    "prompt", "refined_prompt", "image",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgeReportOptions:
    """Options of a judge report."""

    format: Literal["html", "csv"] = field(
        default="html", metadata={"help": "A page with charts, or a table with one row per image."}
    )
    most: int = field(
        default=500,
        metadata={
            "help": "Maximum number of failed images, and of images without a verdict; the newest are kept.",
            "least": 1,
            "most": 2000,
        },
    )


@dataclass(frozen=True, slots=True)
class Said:
    """A note or tag, the number of images with it, and how many of the judged ones passed."""

    text: str
    images: int
    rate: Share


class JudgeReport(Generator):
    """See the module."""

    name = "judgeReport"
    title = "Judge report"
    description = (
        "Verdicts over time, notes and tags with pass rates, and each failed image with what to try next."
    )
    output = "html"
    options = JudgeReportOptions

    def generate(
        self, material: Material, options: JudgeReportOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One page or one table."""
        images = tuple(image for image in material.images if image.kind != _ROLLBACK)
        if not images:
            raise EmptyMaterialError("there are no images yet: run a job first")
        if options.format == "csv":
            return [csv_file("verdicts.csv", _HEAD, [_line(image) for image in images])]
        failed, unjudged = ([one for one in images[::-1] if one.judgment == kind] for kind in ("fail", None))
        shown = [*failed[: options.most], *unjudged[: options.most]]
        context = {
            "images": images,
            "findings": _findings(images),
            "figures": _figures(images),
            "tags": _most_said(images, lambda image: image.tags),
            "notes": _most_said([image for image in images if image.judgment], lambda image: image.notes),
            "failed": failed[: options.most],
            "failed_count": len(failed),
            "unjudged": unjudged[: options.most],
            "unjudged_count": len(unjudged),
            "providers": sorted({image.provider for image in shown}),
            "shown_tags": sorted({_key(tag) for image in shown for tag in image.tags} - {""}),
        }
        return [html_file("judge_report.html", material, context, cover=cover_of(images))]


def _findings(images: Sequence[ImageFacts]) -> list[str]:
    rate, unjudged = _rate(images), sum(image.judgment is None for image in images)
    waiting = (
        f"{unjudged} of {len(images)} {'has' if unjudged == 1 else 'have'} no verdict" if unjudged else ""
    )
    if not rate.whole:
        return [f"{waiting}: nothing has been judged yet."]
    judged = "image" if rate.whole == 1 else "images"
    passed = f"{rate.part} of {rate.whole} judged {judged} passed: {rate.percent}"
    found = [f"{passed}, and the true rate is likely between {rate.interval.replace(' to ', ' and ')}."]
    suggested = sum(bool(image.retry_suggestion) for image in images if image.judgment == "fail")
    failed = rate.whole - rate.part
    if failed:
        found.append(f"{failed} failed; the judge suggests a next try for {suggested} of them.")
    return [*found, f"{waiting}."] if waiting else found


def _figures(images: Sequence[ImageFacts]) -> list[Figure]:
    days = _grouped(images, lambda image: [_day(image)])
    found = [_by_day(days), _rates_by_day(days)] if len(days) > 1 else []
    models = _grouped(images, lambda image: [f"{image.provider} · {image.model or 'model not known'}"])
    return [*found, _by_model(models)]


def _by_day(days: Mapping[str, Sequence[ImageFacts]]) -> Figure:
    title, text = (
        "Verdicts by day",
        "Images per day that passed, failed or have no verdict. Days are UTC.",
    )
    counts = {day: _counts(group) for day, group in days.items()}
    drawn = [
        Bar(day, "", (BarPart(passed, "ok"), BarPart(failed, "bad"), BarPart(none, "pale")))
        for day, (passed, failed, none) in counts.items()
    ]
    table = tuple((day, *(str(count) for count in three)) for day, three in counts.items())
    legend = (("ok", "passed"), ("bad", "failed"), ("pale", "not judged"))
    head = ("Day", "Passed", "Failed", "Not judged")
    return Figure(title, text, columns(Words("days", title, text), drawn), head, table, legend)


def _rates_by_day(days: Mapping[str, Sequence[ImageFacts]]) -> Figure:
    title, text = "Pass rate by day", "The share of judged images that passed, with its 95 % interval."
    rates = {day: _rate(group) for day, group in days.items()}
    drawn = [
        Dot(day, "", rate.share, rate.low, rate.high) if rate.whole else Dot(day, "", None)
        for day, rate in rates.items()
    ]
    svg = shares_over_time(Words("rates", title, text), drawn)
    return Figure(title, text, svg, _RATE_HEAD, _rate_rows(rates), (("mid", "pass rate, with its interval"),))


def _by_model(models: Mapping[str, Sequence[ImageFacts]]) -> Figure:
    title, text = (
        "Pass rate by model",
        "If two intervals overlap, these images do not show which model passes more often.",
    )
    rates = {label: _rate(group) for label, group in sorted(models.items())}
    drawn = [
        Dot(label, f"{rate.percent} of {rate.whole}", rate.share, rate.low, rate.high)
        if rate.whole
        else Dot(label, "not judged", None)
        for label, rate in rates.items()
    ]
    ticks = [Tick(place / 4, f"{place * 25} %") for place in range(5)]
    svg = dots(Words("models", title, text), drawn, ticks)
    head = ("Model", *_RATE_HEAD[1:])
    return Figure(title, text, svg, head, _rate_rows(rates), (("mid", "pass rate, with its interval"),))


_RATE_HEAD = ("Day", "Judged", "Passed", "Pass rate", "95 % interval")


def _rate_rows(rates: Mapping[str, Share]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (label, str(rate.whole), str(rate.part), rate.percent, rate.interval) for label, rate in rates.items()
    )


def _most_said(images: Iterable[ImageFacts], words: Callable[[ImageFacts], Iterable[str]]) -> list[Said]:
    """The most common first; case is ignored."""
    groups = _grouped(images, lambda image: {_key(word) for word in words(image)} - {""})
    spelled: dict[str, str] = {}
    for image in images:
        for word in words(image):
            spelled.setdefault(_key(word), " ".join(word.split()))
    found = [Said(spelled[key], len(group), _rate(group)) for key, group in groups.items()]
    return sorted(found, key=lambda one: (-one.images, one.text))[:_MOST_WORDS]


def _grouped(
    images: Iterable[ImageFacts], keys: Callable[[ImageFacts], Iterable[str]]
) -> dict[str, list[ImageFacts]]:
    groups: defaultdict[str, list[ImageFacts]] = defaultdict(list)
    for image in images:
        for key in sorted(keys(image)):
            groups[key].append(image)
    return dict(sorted(groups.items()))


def _key(words: str) -> str:
    return comparable(" ".join(words.split()))


def _rate(images: Iterable[ImageFacts]) -> Share:
    passed, failed, _ = _counts(images)
    return rate_of(passed, passed + failed)


def _counts(images: Iterable[ImageFacts]) -> tuple[int, int, int]:
    verdicts = [image.judgment for image in images]
    return verdicts.count("pass"), verdicts.count("fail"), verdicts.count(None)


def _day(image: ImageFacts) -> str:
    return f"{_moment(image):%Y-%m-%d}"


def _moment(image: ImageFacts) -> datetime:
    return datetime.fromtimestamp(image.created_at / 1000, tz=UTC)


def _line(image: ImageFacts) -> list[Cell]:
    return [
        str(image.id), f"{_moment(image):%Y-%m-%dT%H:%M:%SZ}", str(image.project_id), image.kind, image.provider,
        image.model, image.judgment, "\n".join(image.notes), ", ".join(image.tags), image.retry_suggestion,
        image.prompt, image.refined_prompt, image.url,
    ]  # fmt: skip
