"""The provider benchmark: what it counts, and what it claims."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest

from artifacts.generator import EmptyMaterialError, generators
from artifacts.generators.provider_benchmark.comparison import told_apart_by_rate, told_apart_by_time
from artifacts.generators.provider_benchmark.generator import BenchmarkOptions
from artifacts.material import JobFacts, Material, StepFacts, VariantFacts
from artifacts.parts.tally import ModelTally, tallies
from tests.artifacts.materials import image_of, job_of, material_of, uuid_of, variant_of


def variants_of(
    provider: str, count: int, *, first: int, ms: int = 2000, cost_usd: Decimal | None = Decimal("0.04")
) -> list[VariantFacts]:
    """Variants of one model, each with an image and one call of about `ms` milliseconds, each a bit longer."""
    return [
        replace(
            variant_of(0),
            id=uuid_of(700_000 + number),
            provider=provider,
            model=f"{provider}-1",
            image_id=uuid_of(number),
            steps=(StepFacts("generate", 1, "ok", ms + number - first, ""),),
            cost_usd=cost_usd,
        )
        for number in range(first, first + count)
    ]


def job_with(*variants: VariantFacts) -> JobFacts:
    return replace(job_of(0, range(0), ""), variants=variants)


def tallied(passed: dict[str, tuple[int, int]], ms: dict[str, int] | None = None) -> tuple[ModelTally, ...]:
    """Tallies of models: how many of how many images passed."""
    variants: list[VariantFacts] = []
    images = []
    for place, (provider, (part, whole)) in enumerate(passed.items()):
        first = place * 1000
        variants += variants_of(provider, whole, first=first, ms=(ms or {}).get(provider, 2000))
        images += [
            replace(image_of(first + number), judgment="pass" if number < part else "fail")
            for number in range(whole)
        ]
    return tallies([job_with(*variants)], images)


def table_of(material: Material) -> list[dict[str, str]]:
    (file,) = generators.get("providerBenchmark").generate(material, BenchmarkOptions(format="csv"))
    assert (file.name, file.media_type) == ("benchmark.csv", "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))


def page_of(material: Material) -> str:
    (file,) = generators.get("providerBenchmark").generate(material, BenchmarkOptions())
    return file.content.decode()


def test_every_requested_image_has_one_outcome() -> None:
    for row in tallies(material_of(60).jobs, material_of(60).images):
        assert row.asked == 15
        parts = (row.kept, row.duplicates, row.refused, row.failed, row.cancelled, row.waiting)
        assert sum(parts) == row.asked
        assert sum(count for _, count in row.failures) == row.refused + row.failed


def test_the_table_has_a_row_for_each_model_with_figures_and_sample_sizes() -> None:
    first, *others = table_of(material_of(60))
    assert [row["provider"] for row in others] == ["mock", "openai", "workers"]
    assert first == {
        "provider": "gemini", "model": "gemini-1", "asked": "15", "answered": "13", "kept": "11", "duplicates": "2",
        "refused": "1", "failed": "1", "cancelled": "0", "not_ended": "0", "failures": "refused 1; timeout 1",
        "judged": "11", "passed": "11", "pass_rate": "1.0", "pass_rate_low": "0.7412", "pass_rate_high": "1.0",
        "latency_sample": "13", "latency_median_ms": "2668", "latency_median_low_ms": "2048",
        "latency_median_high_ms": "3164", "latency_p90_ms": "3362", "latency_p90_low_ms": "2916",
        "latency_p90_high_ms": "", "attempts": "30", "calls_possibly_billed": "0",
        "cost_per_image_usd": "0.040000", "cost_known_usd": "0.480000", "images_of_unknown_cost": "2",
    }  # fmt: skip


def test_an_unknown_cost_is_reported_and_never_counted_as_zero() -> None:
    known, unknown = (
        variants_of("gemini", 1, first=place, cost_usd=cost)
        for place, cost in ((0, Decimal("0.04")), (1, None))
    )
    material = replace(material_of(2), jobs=(job_with(*known, *unknown),))
    (row,) = tallies(material.jobs, material.images)
    assert (row.cost_usd, row.cost_per_image_usd, row.cost_unknown) == (Decimal("0.04"), Decimal("0.04"), 1)
    (lost,) = table_of(replace(material, jobs=(job_with(*unknown),)))
    assert (lost["cost_per_image_usd"], lost["cost_known_usd"]) == ("", "")
    assert "No cost is known. 1 of the images returned has no known cost." in page_of(
        replace(material, jobs=(job_with(*unknown),))
    )


def test_a_call_without_an_answer_is_possibly_billed_and_not_a_time_sample() -> None:
    steps = (StepFacts("generate", 1, "unknown", None, ""), StepFacts("generate", 2, "ok", 900, ""))
    (variant,) = variants_of("gemini", 1, first=0)
    (row,) = tallies([job_with(replace(variant, steps=steps))], [image_of(0)])
    assert row.unseen == 1
    assert row.latency is not None
    assert (row.latency.count, row.latency.median.value) == (1, 900)


def test_jobs_that_all_failed_make_a_benchmark_too() -> None:
    failed = replace(variant_of(6), image_id=None)
    page = page_of(replace(material_of(0), jobs=(job_with(failed),)))
    assert "1 job asked 1 model for 1 image: 0 were returned, 0 kept." in page
    assert "No image has been judged yet, so there are no pass rates." in page
    assert "No call returned an image, so there are no times." in page
    assert "og:image" not in page


def test_a_project_without_jobs_is_refused() -> None:
    with pytest.raises(EmptyMaterialError, match="no jobs yet"):
        page_of(replace(material_of(3), jobs=()))


def test_no_winner_is_named_when_intervals_overlap() -> None:
    rows = tallied({"gemini": (8, 10), "openai": (5, 10)})
    assert told_apart_by_rate(rows) == (
        "The intervals of the pass rates overlap: these samples do not show which model passes more often."
    )


def test_a_model_whose_interval_lies_above_all_others_is_named() -> None:
    rows = tallied({"gemini": (95, 100), "openai": (40, 100), "workers": (30, 100)})
    assert told_apart_by_rate(rows) == (
        "gemini · gemini-1 passed more often than every other model here; the intervals do not overlap."
    )


def test_pairs_that_differ_are_named_when_no_model_beats_all() -> None:
    rows = tallied({"gemini": (95, 100), "openai": (90, 100), "workers": (30, 100)})
    assert told_apart_by_rate(rows) == (
        "gemini · gemini-1 passed more often than workers · workers-1; openai · openai-1 passed more often than "
        "workers · workers-1. The intervals of all other pairs overlap: these samples show no difference."
    )


def test_one_judged_model_has_its_rate_with_its_interval() -> None:
    assert told_apart_by_rate(tallied({"gemini": (5, 10)})) == (
        "Of 10 judged images of gemini · gemini-1, 5 passed; the true rate is likely between 24 and 76 %."
    )


def test_a_faster_model_is_named_only_when_the_samples_suffice() -> None:
    times = {"gemini": 1000, "openai": 3000}
    enough = tallied({"gemini": (6, 6), "openai": (6, 6)}, times)
    assert told_apart_by_time(enough) == (
        "gemini · gemini-1 answered faster than openai · openai-1 here; the intervals do not overlap."
    )
    few = tallied({"gemini": (5, 5), "openai": (5, 5)}, times)
    assert told_apart_by_time(few).startswith("The intervals of the median times overlap or are unknown")
