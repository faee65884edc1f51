"""Compares models in words: claims a difference only if the intervals do not overlap."""

from collections.abc import Callable, Sequence

from artifacts.parts.figures import overlap
from artifacts.parts.tally import ModelTally

_MOST_PAIRS = 6


def told_apart_by_rate(rows: Sequence[ModelTally]) -> str:
    """Which model's images passed more often, if these samples show it."""
    judged = [row for row in rows if row.verdicts.whole]
    if not judged:
        return "No image has been judged yet, so there are no pass rates."
    if len(judged) == 1:
        rate = judged[0].verdicts
        return (
            f"Of {rate.whole} judged image{'s' * (rate.whole != 1)} of {judged[0].label}, {rate.part} passed; the true "
            f"rate is likely between {rate.low * 100:.0f} and {rate.high * 100:.0f} %."
        )
    return _sentence(
        judged,
        _passes_more_often,
        nothing="The intervals of the pass rates overlap: these samples do not show which model passes more often.",
        word="passed more often than",
    )


def told_apart_by_time(rows: Sequence[ModelTally]) -> str:
    """Which model answered faster, if these samples show it."""
    timed = [row for row in rows if row.latency is not None]
    if not timed:
        return "No call returned an image, so there are no times."
    if len(timed) == 1:
        return f"Only {timed[0].label} returned images, so there is nothing to compare."
    return _sentence(
        timed,
        _is_sooner,
        nothing="The intervals of the median times overlap or are unknown: "
        "these samples do not show which model is faster.",
        word="answered faster than",
    )


def _passes_more_often(one: ModelTally, other: ModelTally) -> bool:
    return one.verdicts.low > other.verdicts.low and not overlap(one.verdicts, other.verdicts)


def _is_sooner(one: ModelTally, other: ModelTally) -> bool:
    if one.latency is None or other.latency is None:
        return False
    high, low = one.latency.median.high, other.latency.median.low
    return high is not None and low is not None and high < low


def _sentence(
    rows: Sequence[ModelTally], is_ahead: Callable[[ModelTally, ModelTally], bool], *, nothing: str, word: str
) -> str:
    pairs = [(one, other) for one in rows for other in rows if is_ahead(one, other)]
    if not pairs:
        return nothing
    for row in rows:
        if sum(one is row for one, _ in pairs) == len(rows) - 1:
            others = "every other model" if len(rows) > 2 else next(other for _, other in pairs).label
            return f"{row.label} {word} {others} here; the intervals do not overlap."
    told = "; ".join(f"{one.label} {word} {other.label}" for one, other in pairs[:_MOST_PAIRS])
    more = f" (and {len(pairs) - _MOST_PAIRS} more pairs)" if len(pairs) > _MOST_PAIRS else ""
    return f"{told}{more}. The intervals of all other pairs overlap: these samples show no difference."
