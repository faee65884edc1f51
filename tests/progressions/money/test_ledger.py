"""The ledger: what is stored about a call, and how calls are summed."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from dali.lib.calls.answers.usage import Unit, Usage
from progressions.enums import Purpose
from progressions.models import Charge, Job
from progressions.money import ledger
from progressions.money.receipts import Receipt
from progressions.money.spending import Spending, spending_of
from progressions.provider import ProviderImage
from tests.factories import JobFactory, PriceFactory, VariantFactory

pytestmark = pytest.mark.django_db

USAGE = Usage("openai", "painter-1", {Unit.IMAGE_OUTPUT: 1000, Unit.TEXT_INPUT: 20})
NOTHING = Spending()


def charge(job: Job, usd: str | None, purpose: Purpose = Purpose.IMAGE, **more: object) -> None:
    values = {"usage": USAGE, **more}
    ledger.charge(
        purpose=purpose,
        project_id=job.project_id,
        job_id=job.id,
        usd=None if usd is None else Decimal(usd),
        **values,  # type: ignore[arg-type]
    )


def test_a_charge_contains_everything_about_the_call() -> None:
    variant = VariantFactory()
    charge(variant.job, "0.123456789", variant_id=variant.id, attempt=2)
    row = Charge.objects.get()
    assert (row.project_id, row.job_id, row.variant_id) == (variant.project_id, variant.job_id, variant.id)
    assert (row.purpose, row.service, row.model, row.attempt) == ("image", "openai", "painter-1", 2)
    assert row.usage == USAGE.as_json()
    assert row.usd == Decimal("0.12345679")
    assert row.is_possible is False
    assert row.created_at.date() == ledger.today()


def test_a_free_call_leaves_no_row_and_one_of_unknown_price_does() -> None:
    job = JobFactory()
    charge(job, "0", usage=None)
    assert not Charge.objects.exists()
    charge(job, None, usage=None, service="mine", model="m")
    charge(job, "0")
    assert list(Charge.objects.order_by("id").values_list("service", "usd")) == [
        ("mine", None),
        ("openai", Decimal(0)),
    ]


def test_a_charge_is_rolled_back_with_its_transaction() -> None:
    job = JobFactory()
    with transaction.atomic():
        charge(job, "1")
        transaction.set_rollback(True)
    assert not Charge.objects.exists()


def test_a_job_without_calls_has_spent_nothing() -> None:
    assert ledger.spent_by_job(JobFactory().id) == NOTHING
    assert NOTHING.total == NOTHING.at_most == 0


def test_sums_are_by_purpose_and_count_what_is_not_included() -> None:
    job, other = JobFactory(), JobFactory()
    charge(job, "0.1")
    charge(job, "0.2")
    charge(job, None)
    charge(job, "0.001", Purpose.JUDGE)
    charge(job, None, Purpose.REFINE)
    charge(job, "0.05", is_possible=True)
    charge(job, None, is_possible=True)
    charge(other, "5")
    spent = ledger.spent_by_job(job.id)
    assert spent == Spending(
        images=Decimal("0.3"),
        judging=Decimal("0.001"),
        refining=None,
        agents=Decimal(0),
        total=Decimal("0.301"),
        calls=5,
        unknown=2,
        possible=2,
        possible_usd=Decimal("0.05"),
    )
    assert spent.at_most == Decimal("0.351")


@pytest.mark.parametrize("is_possible", [False, True])
def test_unknown_is_never_zero(is_possible: bool) -> None:
    job = JobFactory()
    charge(job, None, is_possible=is_possible)
    spent = ledger.spent_by_job(job.id)
    assert spent.images is None
    assert spent.total is None
    assert spent.judging == 0
    assert (spent.unknown, spent.possible) == ((0, 1) if is_possible else (1, 0))
    assert spent.possible_usd == (None if is_possible else 0)


def test_a_project_sums_its_jobs_including_deleted_ones() -> None:
    first = JobFactory()
    second = JobFactory(project=first.project)
    charge(first, "0.5")
    charge(second, "0.25", Purpose.JUDGE)
    charge(JobFactory(), "7")
    second.delete()
    spent = spending_of("project_id", [first.project_id])[first.project_id]
    assert (spent.images, spent.judging, spent.total) == (Decimal("0.5"), Decimal("0.25"), Decimal("0.75"))


def test_a_day_is_a_utc_day_and_includes_deleted_projects() -> None:
    job = JobFactory()
    for usd, moment in (
        ("1", "2026-11-21T23:59:59.999999+00:00"),
        ("2", "2026-11-22T00:00:00+00:00"),
        ("4", "2026-11-22T23:59:59.999999+00:00"),
        ("8", "2026-11-23T00:00:00+00:00"),
    ):
        charge(job, usd)
        Charge.objects.filter(usd=usd).update(created_at=moment)
    job.project.delete()
    assert ledger.spent_on(date(2026, 11, 22)).total == 6


def test_the_sums_of_many_jobs_take_one_query() -> None:
    jobs = [JobFactory() for _ in range(3)]
    for job in jobs[:2]:
        charge(job, "0.5")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        spent = ledger.spent_by_jobs([job.id for job in jobs])
    assert len(queries) == 1
    assert {key: spending.total for key, spending in spent.items()} == {
        job.id: Decimal("0.5") for job in jobs[:2]
    }
    with CaptureQueriesContext(connection) as queries:
        assert ledger.spent_by_jobs([]) == {}
    assert len(queries) == 0


def test_the_providers_own_price_takes_precedence_over_the_table() -> None:
    PriceFactory(service="openai", model="painter-1", unit="image_output_tokens", usd="30")
    PriceFactory(service="openai", model="painter-1", unit="text_input_tokens", usd="5")
    assert Receipt.of(ProviderImage(b"", "painter-1", usage=USAGE)).cost_usd == Decimal("0.0301")
    assert Receipt.of(ProviderImage(b"", "m", cost_usd=Decimal(2), usage=USAGE)).cost_usd == 2
    assert Receipt.of(ProviderImage(b"", "m", cost_usd=Decimal(0))).cost_usd == 0
    assert Receipt.of(ProviderImage(b"", "m")).cost_usd is None
    assert Receipt.of(ProviderImage(b"", "m", usage=Usage("openai", "m", {Unit.IMAGE: 1}))).cost_usd is None


def test_no_query_is_made_before_an_answer_and_its_note_are_stored(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        receipt = Receipt.of(ProviderImage(b"", "painter-1", usage=USAGE))
        receipt.note(1)
    with django_assert_num_queries(1):
        assert [receipt.cost_usd, receipt.cost_usd] == [None, None]


def test_several_calls_cost_the_sum_of_what_is_known() -> None:
    PriceFactory(service="openai", model="painter-1", unit="image_output_tokens", usd="30")
    known = Usage("openai", "painter-1", {Unit.IMAGE_OUTPUT: 1000})
    assert ledger.cost_of_usages([]) == 0
    assert ledger.cost_of_usages([known, known]) == Decimal("0.06")
    assert ledger.cost_of_usages([known, USAGE]) == Decimal("0.03")
    assert ledger.cost_of_usages([USAGE]) is None


def test_each_usage_is_charged_in_its_own_row_by_the_table() -> None:
    job = JobFactory()
    PriceFactory(service="openai", model="judge-1", unit="text_input_tokens", usd="2")
    usages = [
        Usage("openai", "judge-1", {Unit.TEXT_INPUT: 500}),
        Usage("openai", "judge-2", {Unit.TEXT_INPUT: 5}),
    ]
    ledger.charge_usages(usages, purpose=Purpose.JUDGE, project_id=job.project_id, job_id=job.id)
    assert list(Charge.objects.order_by("id").values_list("model", "usd")) == [
        ("judge-1", Decimal("0.001")),
        ("judge-2", None),
    ]
