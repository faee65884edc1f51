"""Provider benchmark: the results of each provider and model for the same work, with intervals and sample sizes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from artifacts.generator import EmptyMaterialError, File, Generator, cover_of, in_silence
from artifacts.generators.provider_benchmark.comparison import told_apart_by_rate, told_apart_by_time
from artifacts.making.page import html_file
from artifacts.material import Material
from artifacts.parts.charts import Bar, BarPart, Dot, Figure, Tick, Words, bars, dots, ticks_to
from artifacts.parts.figures import Quantile, counted
from artifacts.parts.sheet import Cell, csv_file
from artifacts.parts.tally import ModelTally, tallies
from artifacts.templatetags.artifact_pages import usd

_NOT_KNOWN = "not known"
_HEAD = (
    "provider", "model", "asked", "answered", "kept", "duplicates", "refused", "failed", "cancelled", "not_ended",
    "failures", "judged", "passed", "pass_rate", "pass_rate_low", "pass_rate_high", "latency_sample",
    "latency_median_ms", "latency_median_low_ms", "latency_median_high_ms", "latency_p90_ms", "latency_p90_low_ms",
    "latency_p90_high_ms", "attempts", "calls_possibly_billed", "cost_per_image_usd", "cost_known_usd",
    "images_of_unknown_cost",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """Options of a benchmark."""

    format: Literal["html", "csv"] = field(
        default="html", metadata={"help": "A page with charts, or a table with one row per model."}
    )


class ProviderBenchmark(Generator):
    """See the module."""

    name = "providerBenchmark"
    title = "Provider benchmark"
    description = (
        "Pass rate, latency, cost, duplicates and refusals of each model, with intervals and sample sizes."
    )
    output = "html"
    options = BenchmarkOptions
    needs = frozenset({"jobs"})

    def generate(
        self, material: Material, options: BenchmarkOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One page or one table."""
        rows = tallies(material.jobs, material.images)
        if not rows:
            raise EmptyMaterialError("there are no jobs yet: run a job first, ideally with several providers")
        if options.format == "csv":
            return [csv_file("benchmark.csv", _HEAD, [_line(row) for row in rows])]
        cover = cover_of(material.images) if material.images else None
        context = {
            "rows": rows,
            "findings": _findings(material, rows),
            "figures": [_outcomes(rows), _verdicts(rows), _latencies(rows), _costs(rows)],
            "has_failures": any(row.failures for row in rows),
        }
        return [html_file("provider_benchmark.html", material, context, cover=cover)]


def _findings(material: Material, rows: Sequence[ModelTally]) -> list[str]:
    asked, answered, kept = (
        sum(getattr(row, name) for row in rows) for name in ("asked", "answered", "kept")
    )
    unknown, known = (
        sum(row.cost_unknown for row in rows),
        [row.cost_usd for row in rows if row.cost_usd is not None],
    )
    cost = f"The known costs add up to {usd(sum(known))}." if known else "No cost is known."
    if unknown:
        cost += f" {unknown} of the images returned {'has' if unknown == 1 else 'have'} no known cost."
    began = (
        f"{counted(len(material.jobs), 'job')} asked {counted(len(rows), 'model')} for {counted(asked, 'image')}: "
        f"{answered} {'was' if answered == 1 else 'were'} returned, {kept} kept."
    )
    return [
        began,
        told_apart_by_rate(rows),
        told_apart_by_time(rows),
        cost,
    ]


def _outcomes(rows: Sequence[ModelTally]) -> Figure:
    title = "Outcome of each image requested"
    text = "Every image requested has exactly one outcome, so the parts add up."
    legend = (
        ("ok", "kept"), ("soft", "duplicate"), ("bad", "refused"), ("quiet", "failed"),
        ("pale", "cancelled or not finished"),
    )  # fmt: skip
    drawn = []
    for row in rows:
        counts = (row.kept, row.duplicates, row.refused, row.failed, row.cancelled + row.waiting)
        parts = tuple(BarPart(count / row.asked, tone) for count, tone in zip(counts, _TONES, strict=True))
        drawn.append(Bar(row.label, f"{row.asked} asked", parts))
    head = (
        "Model",
        "Asked",
        "Came back",
        "Kept",
        "Duplicates",
        "Refused",
        "Failed",
        "Cancelled",
        "Not ended",
        "Attempts",
    )
    table = tuple(
        (row.label, *(str(getattr(row, name)) for name in (
            "asked", "answered", "kept", "duplicates", "refused", "failed", "cancelled", "waiting", "attempts"
        )))
        for row in rows
    )  # fmt: skip
    return Figure(title, text, bars(Words("outcomes", title, text), drawn, most=1), head, table, legend)


_TONES: tuple[Literal["ok", "soft", "bad", "quiet", "pale"], ...] = ("ok", "soft", "bad", "quiet", "pale")


def _verdicts(rows: Sequence[ModelTally]) -> Figure:
    title = "Share of judged images that passed"
    text = "The dot is the share that passed; the line is its 95 % confidence interval."
    drawn = []
    for row in rows:
        rate = row.verdicts
        ends = (rate.low, rate.high) if rate.whole else (None, None)
        said = f"{rate.percent} of {rate.whole}" if rate.whole else "not judged"
        drawn.append(Dot(row.label, said, rate.share, *ends))
    ticks = [Tick(share / 4, f"{share * 25} %") for share in range(5)]
    table = tuple(
        (
            row.label,
            str(row.verdicts.whole),
            str(row.verdicts.part),
            row.verdicts.percent,
            row.verdicts.interval,
        )
        for row in rows
    )
    head = ("Model", "Judged", "Passed", "Pass rate", "95 % interval")
    legend = (("mid", "pass rate, with its interval"),)
    return Figure(title, text, dots(Words("verdicts", title, text), drawn, ticks), head, table, legend)


def _latencies(rows: Sequence[ModelTally]) -> Figure:
    title = "Time until an image was returned"
    text = (
        "Calls that returned an image: the dot is the median with its interval, "
        "the ring is the 90th percentile."
    )
    drawn, table = [], []
    for row in rows:
        if row.latency is None:
            drawn.append(Dot(row.label, "no answer", None))
            table.append((row.label, "0", _NOT_KNOWN, "", _NOT_KNOWN, ""))
            continue
        median, far = row.latency.median, row.latency.p90
        drawn.append(
            Dot(row.label, in_seconds(median.value), median.value, median.low, median.high, far.value)
        )
        sample = str(row.latency.count)
        shown = (in_seconds(median.value), _span(median), in_seconds(far.value), _span(far))
        table.append((row.label, sample, *shown))
    ends = [end for dot in drawn for end in (dot.value, dot.high, dot.far) if end is not None]
    ticks = [Tick(value, in_seconds(value)) for value in ticks_to(max(ends, default=1000))]
    head = ("Model", "Sample", "Median", "95 % interval", "p90", "95 % interval")
    legend = (("mid", "median, with its interval"), ("far", "p90: 90 % were faster"))
    return Figure(title, text, dots(Words("latency", title, text), drawn, ticks), head, tuple(table), legend)


def _costs(rows: Sequence[ModelTally]) -> Figure:
    title = "Cost per image"
    text = "The mean of the images with a known cost. Unknown costs are not counted as zero."
    drawn, table = [], []
    for row in rows:
        each = usd(row.cost_per_image_usd) or _NOT_KNOWN
        drawn.append(Bar(row.label, each, (BarPart(float(row.cost_per_image_usd or 0), "accent"),)))
        table.append(
            (row.label, each, usd(row.cost_usd) or _NOT_KNOWN, str(row.cost_unknown), str(row.unseen))
        )
    head = ("Model", "Per image", "Total known", "Images of unknown cost", "Calls possibly billed")
    return Figure(title, text, bars(Words("cost", title, text), drawn), head, tuple(table))


def in_seconds(ms: float) -> str:
    """`4.2 s`, `320 ms`."""
    return f"{ms / 1000:.1f} s" if ms >= 1000 else f"{ms:.0f} ms"


def _span(quantile: Quantile) -> str:
    if quantile.low is None and quantile.high is None:
        return "sample too small"
    if quantile.high is None:
        return f"at least {in_seconds(quantile.low or 0)}"
    if quantile.low is None:
        return f"at most {in_seconds(quantile.high)}"
    return f"{in_seconds(quantile.low)} to {in_seconds(quantile.high)}"


def _line(row: ModelTally) -> list[Cell]:
    rate, spread = row.verdicts, row.latency
    times: list[Cell] = [0, None, None, None, None, None, None]
    if spread is not None:
        ends = (spread.median.value, spread.median.low, spread.median.high)
        far = (spread.p90.value, spread.p90.low, spread.p90.high)
        times = [spread.count, *(None if end is None else round(end) for end in (*ends, *far))]
    known = rate.whole > 0
    return [
        row.provider, row.model, row.asked, row.answered, row.kept, row.duplicates, row.refused, row.failed,
        row.cancelled, row.waiting, "; ".join(f"{code} {count}" for code, count in row.failures),
        rate.whole, rate.part,
        *(round(one, 4) if known and one is not None else None for one in (rate.share, rate.low, rate.high)),
        *times, row.attempts, row.unseen,
        None if row.cost_per_image_usd is None else f"{row.cost_per_image_usd:.6f}",
        None if row.cost_usd is None else f"{row.cost_usd:.6f}",
        row.cost_unknown,
    ]  # fmt: skip
