"""Statistics with intervals: rates and quantiles. Pure and exact, without random resampling.

All intervals are 95 %. A rate has Wilson's score interval, which stays within 0 and 1 and works for small samples. A
quantile's interval lies between two order statistics, by the binomial distribution: it assumes no distribution of
the values, and has no end on a side where the sample is too small.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
# Of the standard normal distribution, two-sided 95 %.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole` as a share from 0 to 1, with its interval. If `whole` is 0, the interval is 0 to 1."""

    part: int
    whole: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """None without a sample."""
        return self.part / self.whole if self.whole else None

    @property
    def percent(self) -> str:
        """`71 %`, or `not known`."""
        return "not known" if self.share is None else f"{self.share * 100:.0f} %"

    @property
    def interval(self) -> str:
        """`55 to 84 %`; empty without a sample."""
        return f"{self.low * 100:.0f} to {self.high * 100:.0f} %" if self.whole else ""


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile and its interval; an end is None if the sample is too small for it."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of `count` values."""

    count: int
    median: Quantile
    p90: Quantile


def rate_of(part: int, whole: int) -> Share:
    """A rate with Wilson's score interval (E. B. Wilson, JASA 22 (1927), 209 to 212)."""
    if not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole} is not a rate")
    if not whole:
        return Share(0, 0, 0.0, 1.0)
    share, squared = part / whole, _Z * _Z
    middle = share + squared / (2 * whole)
    reach = _Z * math.sqrt(share * (1 - share) / whole + squared / (4 * whole * whole))
    scale = 1 + squared / whole
    low = 0.0 if part == 0 else max(0.0, (middle - reach) / scale)
    high = 1.0 if part == whole else min(1.0, (middle + reach) / scale)
    return Share(part, whole, low, high)


def spread_of(values: Sequence[float]) -> Spread | None:
    """Median and 90th percentile; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(len(ordered), quantile_of(ordered, 0.5), quantile_of(ordered, 0.9))


def quantile_of(ordered: Sequence[float], share: float) -> Quantile:
    """The quantile by linear interpolation (Hyndman and Fan's type 7) of sorted values, at least one."""
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    value = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    lower, upper = _ranks(len(ordered), share)
    return Quantile(
        value,
        None if lower is None else ordered[lower - 1],
        None if upper is None else ordered[upper - 1],
    )


def _ranks(count: int, share: float) -> tuple[int | None, int | None]:
    """The ranks, from 1, that enclose the quantile: each side has at most half of the error probability.

    The number of values below the quantile is binomial; the value of rank r is above it if fewer than r are below.
    """
    tail = (1 - CONFIDENCE) / 2
    lower: int | None = None
    below = 0.0  # the probability that at most `rank - 1` values are below the quantile
    for rank in range(1, count + 1):
        below += _binomial(rank - 1, count, share)
        if below <= tail:
            lower = rank
        if below >= 1 - tail:
            return lower, rank
    return lower, None


def _binomial(hits: int, count: int, share: float) -> float:
    ways = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return math.exp(ways + hits * math.log(share) + (count - hits) * math.log1p(-share))


def overlap(one: Share, other: Share) -> bool:
    """Whether two intervals overlap: then the samples do not distinguish the rates."""
    return one.low <= other.high and other.low <= one.high


def counted(count: int, noun: str) -> str:
    """`1 image`, `3 images`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
