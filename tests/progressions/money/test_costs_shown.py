"""The costs that the API and the stream show: of a job, a list of jobs, a project, a provider."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import DjangoAssertNumQueries

from dali.lib.calls.answers.usage import Unit, Usage
from progressions.enums import Purpose
from progressions.models import Job
from progressions.money import ledger
from progressions.provider import Draft, providers
from tests.clients import anonymous, keyed
from tests.factories import JobFactory, PriceFactory, ProjectFactory, VariantFactory
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider

pytestmark = pytest.mark.django_db

NOTHING = {
    "imagesUsd": None,
    "judgingUsd": 0.0,
    "refiningUsd": 0.0,
    "unknownCalls": 0,
    "possiblyBilledCalls": 0,
    "possiblyBilledUsd": 0.0,
}


def charge(job: Job, usd: str | None, purpose: Purpose = Purpose.IMAGE, *, is_possible: bool = False) -> None:
    ledger.charge(
        purpose=purpose,
        project_id=job.project_id,
        job_id=job.id,
        usage=Usage("openai", "painter-1", {Unit.IMAGE: 1}),
        usd=None if usd is None else Decimal(usd),
        is_possible=is_possible,
    )


def shown(job: Job) -> dict[str, Any]:
    body: dict[str, Any] = anonymous().get(f"/api/jobs/{job.id}").json()
    return body


def test_a_job_shows_the_sum_its_parts_and_what_is_not_included() -> None:
    job = JobFactory()
    VariantFactory(job=job, cost_usd="0.3", possibly_billed=1)
    charge(job, "0.1")
    charge(job, "0.2")
    charge(job, None)
    charge(job, "0.04", is_possible=True)
    charge(job, "0.002", Purpose.JUDGE)
    charge(job, None, Purpose.REFINE)
    body = shown(job)
    assert body["costUsd"] == 0.302
    assert body["costs"] == {
        "imagesUsd": 0.3,
        "judgingUsd": 0.002,
        "refiningUsd": None,
        "unknownCalls": 2,
        "possiblyBilledCalls": 1,
        "possiblyBilledUsd": 0.04,
    }
    assert (body["variants"][0]["costUsd"], body["variants"][0]["possiblyBilled"]) == (0.3, 1)


def test_the_cost_is_unknown_before_the_first_call() -> None:
    job = JobFactory()
    VariantFactory(job=job)
    body = shown(job)
    assert (body["costUsd"], body["costs"]) == (None, NOTHING)


@pytest.mark.parametrize("is_possible", [False, True])
def test_a_job_without_known_prices_costs_null_and_not_zero(is_possible: bool) -> None:
    job = JobFactory()
    VariantFactory(job=job, provider="mock", cost_usd=0)
    VariantFactory(job=job)
    charge(job, None, is_possible=is_possible)
    body = shown(job)
    assert (body["costUsd"], body["costs"]["imagesUsd"]) == (None, None)
    calls = body["costs"]["unknownCalls"], body["costs"]["possiblyBilledCalls"]
    assert calls == ((0, 1) if is_possible else (1, 0))


def test_free_images_cost_nothing_and_their_paid_verdicts_something() -> None:
    job = JobFactory()
    VariantFactory(job=job, provider="mock", cost_usd=0)
    assert (shown(job)["costUsd"], shown(job)["costs"]["imagesUsd"]) == (0.0, 0.0)
    charge(job, "0.001", Purpose.JUDGE)
    body = shown(job)
    assert (body["costUsd"], body["costs"]["imagesUsd"], body["costs"]["judgingUsd"]) == (0.001, 0.0, 0.001)


def test_images_older_than_the_ledger_keep_their_cost() -> None:
    job = JobFactory()
    VariantFactory(job=job, cost_usd="0.25")
    charge(job, "0.001", Purpose.JUDGE)
    assert shown(job)["costUsd"] == 0.251


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_of_jobs_sums_the_ledger_once(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    project = ProjectFactory()
    for number in range(count):
        job = JobFactory(project=project)
        VariantFactory(job=job)
        charge(job, f"0.{number + 1}")
    with django_assert_num_queries(4):
        rows = anonymous().get(f"/api/projects/{project.id}/jobs").json()
    assert [row["costUsd"] for row in rows] == [(number + 1) / 10 for number in reversed(range(count))]
    assert rows[0]["costs"]["imagesUsd"] == rows[0]["costUsd"]


@pytest.mark.parametrize("count", [1, 3])
def test_projects_show_the_cost_of_all_their_work(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        job = JobFactory()
        charge(job, "0.5")
        charge(JobFactory(project=job.project), "0.25", Purpose.JUDGE)
        charge(job, "0.125", Purpose.AGENT)
        charge(job, None, Purpose.REFINE)
    with django_assert_num_queries(2):
        rows = anonymous().get("/api/projects").json()
    assert [(row["cost_usd"], row["costs"]) for row in rows] == [
        (
            0.875,
            {
                "images_usd": 0.5,
                "judging_usd": 0.25,
                "refining_usd": None,
                "agents_usd": 0.125,
                "unknown_calls": 1,
                "possibly_billed_calls": 0,
                "possibly_billed_usd": 0.0,
            },
        )
    ] * count


def test_a_new_project_costs_nothing_and_a_changed_one_keeps_its_cost() -> None:
    made = keyed().post("/api/projects", {"name": "Boats"}, content_type="application/json").json()
    assert made["cost_usd"] == 0.0
    job = JobFactory()
    charge(job, "0.5")
    path = f"/api/projects/{job.project_id}"
    changed = keyed().patch(path, {"name": "Ships"}, content_type="application/json").json()
    assert (changed["cost_usd"], anonymous().get(path).json()["cost_usd"]) == (0.5, 0.5)


def test_the_jobs_last_event_carries_the_same_sum(
    submit: Callable[..., Job], fake_provider: FakeProvider
) -> None:
    fake_provider.cost = Decimal("0.04")
    job = submit(variants=2)
    charge(job, "0.003", Purpose.REFINE)
    work_all()
    last = told()[-1]
    assert (last["scope"], last["costUsd"]) == ("job", 0.083)
    assert shown(job)["costUsd"] == 0.083


def test_a_job_of_the_built_in_provider_costs_nothing(submit: Callable[..., Job]) -> None:
    job = submit(providers=("mock",), size="64x64")
    work_all()
    assert told()[-1]["costUsd"] == 0.0
    body = shown(job)
    assert (body["costUsd"], body["variants"][0]["costUsd"]) == (0.0, 0.0)
    assert body["costs"] == {**NOTHING, "imagesUsd": 0.0}


class Estimating(FakeProvider):
    """A provider whose defaults use one image."""

    name = "estimating"

    def estimate(self, draft: Draft) -> Usage | None:
        """The usage of one image of the model."""
        return Usage("estimating", draft.model, {Unit.IMAGE: 1})


@pytest.fixture
def estimating() -> Iterator[None]:
    """Registers the provider."""
    with providers.register_temporarily(Estimating()):
        yield


def price_of(provider: str) -> Any:
    rows = anonymous().get("/api/providers").json()
    return next(row["price"] for row in rows if row["id"] == provider)


def test_the_price_of_a_provider_is_that_of_its_default_model_in_the_table(estimating: None) -> None:
    assert price_of("estimating") is None
    row = PriceFactory(service="estimating", model="fake-1", unit="images", usd="0.07", per=1)
    assert price_of("estimating") == {"usd_per_image": 0.07, "source": "a price list", "date": "2026-11-22"}
    row.enabled = False
    row.save()
    assert price_of("estimating") is None


def test_the_built_in_provider_is_free() -> None:
    assert price_of("mock")["usd_per_image"] == 0.0


def test_the_list_of_providers_takes_at_most_one_query_each(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(3):
        anonymous().get("/api/providers")


@pytest.mark.parametrize(
    ("provider", "least", "most"), [("openai", 0.1, 0.4), ("gemini", 0.03, 0.2), ("workers", 0.005, 0.1)]
)
def test_the_seeded_prices_cover_an_image_of_each_service(provider: str, least: float, most: float) -> None:
    call_command("seed", verbosity=0, stdout=StringIO())
    price = price_of(provider)
    assert least < price["usd_per_image"] < most
    assert price["date"] == "2026-11-22"
    assert price["source"]
