"""Rates and quantiles against values from the literature and from other programs."""

import pytest

from artifacts.parts.figures import overlap, quantile_of, rate_of, spread_of


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        # Calculated by hand.
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_a_rate_has_the_interval_from_the_literature(part: int, whole: int, low: float, high: float) -> None:
    rate = rate_of(part, whole)
    assert rate.share == part / whole
    assert rate.low == pytest.approx(low, abs=5e-5)
    assert rate.high == pytest.approx(high, abs=5e-5)


def test_a_rate_without_samples_is_unknown_and_its_interval_is_everything() -> None:
    rate = rate_of(0, 0)
    assert rate.share is None
    assert (rate.low, rate.high) == (0.0, 1.0)


def test_more_passed_than_total_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2 is not a rate"):
        rate_of(3, 2)


@pytest.mark.parametrize(
    # W. J. Conover, Practical Nonparametric Statistics, and any table of the sign test: ranks of the median's
    # interval with at least 95 %.
    ("count", "low", "high"),
    [(6, 1, 6), (10, 2, 9), (15, 4, 12), (20, 6, 15), (25, 8, 18), (50, 18, 33), (100, 40, 61)],
)
def test_a_median_has_the_ranks_of_the_sign_test(count: int, low: int, high: int) -> None:
    found = quantile_of(range(1, count + 1), 0.5)
    assert found.value == (count + 1) / 2
    assert (found.low, found.high) == (low, high)


def test_a_sample_too_small_for_an_interval_has_none() -> None:
    spread = spread_of([5.0, 1.0, 3.0, 2.0, 4.0])
    assert spread is not None
    assert (spread.count, spread.median.value, spread.median.low, spread.median.high) == (5, 3.0, None, None)
    assert spread.p90.value == pytest.approx(4.6)
    assert spread.p90.high is None


def test_a_ninetieth_percentile_has_an_upper_bound_from_36_values_on() -> None:
    assert quantile_of(range(35), 0.9).high is None
    assert quantile_of(range(36), 0.9).high == 35


def test_many_values_do_not_overflow() -> None:
    found = quantile_of(range(1, 10_001), 0.5)
    assert (found.low, found.high) == (4902, 5099)


def test_one_value_is_its_own_quantiles() -> None:
    spread = spread_of([7])
    assert spread is not None
    assert (spread.median.value, spread.p90.value) == (7, 7)
    assert spread_of([]) is None


def test_overlapping_intervals_do_not_separate_two_rates() -> None:
    assert overlap(rate_of(8, 10), rate_of(5, 10))
    assert not overlap(rate_of(95, 100), rate_of(40, 100))
