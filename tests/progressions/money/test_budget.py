"""Spending caps: what is refused at submission, what stops a job between variants, and what is allowed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.errors import InputError
from progressions.enums import Kind, Purpose
from progressions.errors import ProviderError
from progressions.models import Charge, ImageProgression, Job, Variant
from progressions.money import budget, ledger
from progressions.pipeline.intake.submit import JobDraft, retry_job, retry_progression, submit_job
from progressions.provider import Draft, providers
from progressions.work.idempotency import Once, do_once
from projects.models import Project
from tests.factories import JobFactory, PriceFactory, VariantFactory
from tests.progressions.conftest import work_all
from tests.progressions.fakes import FakeJudge, FakeProvider

pytestmark = pytest.mark.django_db

Submit = Callable[..., Job]


class PricedProvider(FakeProvider):
    """A fake whose images cost 0.10 USD each by the price table; the model `fake-2` has no price."""

    name = "priced"

    def __init__(self) -> None:
        super().__init__()
        self.drafts: list[Draft] = []
        self.cost = None
        self.usage = Usage("priced", "fake-1", {Unit.IMAGE: 1})

    def estimate(self, draft: Draft) -> Usage | None:
        """One image."""
        self.drafts.append(draft)
        return None if draft.model == "fake-2" else Usage("priced", draft.model, {Unit.IMAGE: 1})


@pytest.fixture
def priced(db: None) -> Iterator[PricedProvider]:
    """The provider, and the price of its images."""
    PriceFactory(service="priced", model="fake-1", unit="images", usd="0.1", per=1)
    with providers.register_temporarily(PricedProvider()) as provider:
        assert isinstance(provider, PricedProvider)
        yield provider


@pytest.fixture
def ask(project: Project, priced: PricedProvider, fake_judge: FakeJudge) -> Submit:
    """A function that submits a job of the priced provider; keyword arguments are the draft's."""

    def submit_draft(**fields: object) -> Job:
        draft = {"prompt": "a lighthouse", "providers": ("priced",), "session_id": "s-1", **fields}
        return submit_job(project=project, draft=JobDraft(**draft))  # type: ignore[arg-type]

    return submit_draft


def refusal(ask: Callable[[], object]) -> tuple[str, str]:
    """Field and message of a refusal; also checks that it stored nothing."""
    before = Job.objects.count(), Variant.objects.count()
    with pytest.raises(InputError) as refused:
        ask()
    assert (Job.objects.count(), Variant.objects.count()) == before
    return refused.value.field, str(refused.value)


def spend(usd: str | None, job: Job | None = None, purpose: Purpose = Purpose.IMAGE, **more: object) -> None:
    """Adds a charge to today's ledger."""
    job = job or JobFactory()
    ledger.charge(
        purpose=purpose,
        project_id=job.project_id,
        job_id=job.id,
        usage=Usage("priced", "fake-1", {Unit.IMAGE: 1}),
        usd=None if usd is None else Decimal(usd),
        **more,  # type: ignore[arg-type]
    )


def test_each_variant_has_an_estimated_cost(ask: Submit, priced: PricedProvider) -> None:
    job = ask(variants=2, size="64x32", options={"priced": {"quality": "high"}})
    assert list(job.variants.values_list("estimate_usd", flat=True)) == [Decimal("0.1")] * 2
    assert priced.drafts == [
        Draft(Kind.GENERATE, "a lighthouse", "fake-1", (64, 32), {"quality": "high"})
    ]  # one estimate for equal variants


def test_a_job_over_its_cap_is_refused_with_the_estimate_and_the_fix(ask: Submit) -> None:
    field, message = refusal(lambda: ask(variants=3, max_cost_usd=Decimal("0.25")))
    assert field == "maxCostUsd"
    assert message == (
        "The job is estimated at 0.3000 USD (priced 3 x 0.1000 USD) and may cost at most 0.2500 USD: raise maxCostUsd, "
        "or ask for fewer variants, a smaller size or a cheaper model."
    )


def test_a_job_at_its_cap_is_accepted(ask: Submit) -> None:
    assert ask(variants=3, max_cost_usd=Decimal("0.3")).max_cost_usd == Decimal("0.3")


def test_unknown_prices_are_accepted_and_known_parts_count_against_the_cap(
    ask: Submit, fake_provider: FakeProvider
) -> None:
    job = ask(variants=9, models={"priced": "fake-2"}, max_cost_usd=Decimal("0.01"))
    assert set(job.variants.values_list("estimate_usd", flat=True)) == {None}
    field, message = refusal(
        lambda: ask(providers=("priced", "fake"), variants=2, max_cost_usd=Decimal("0.15"))
    )
    assert field == "maxCostUsd"
    assert "(priced 2 x 0.1000 USD, fake 2 x no known price)" in message


def test_a_free_job_is_accepted_under_any_cap(
    project: Project, settings: Settings, fake_judge: FakeJudge
) -> None:
    settings.DAY_CAP_USD = 0.5
    spend("3")
    draft = JobDraft("a boat", ("mock",), "s-1", variants=4, max_cost_usd=Decimal("0.000001"))
    job = submit_job(project=project, draft=draft)
    assert set(job.variants.values_list("estimate_usd", flat=True)) == {Decimal(0)}
    assert budget.excess(job) is None


def test_verdicts_and_refined_prompts_are_estimated_at_todays_average(ask: Submit) -> None:
    for usd in ("0.01", "0.03", None):
        spend(usd, purpose=Purpose.JUDGE)
    spend("0.005", purpose=Purpose.REFINE)
    Charge.objects.create(
        purpose="judge", usd=9, created_at=timezone.now() - timedelta(days=2), service="priced"
    )
    ask(variants=2, max_cost_usd=Decimal("0.25"))
    _, message = refusal(lambda: ask(variants=2, max_cost_usd=Decimal("0.24")))
    assert message.startswith("The job is estimated at 0.2500 USD (priced 2 x 0.1000 USD)")


def test_a_job_over_the_rest_of_the_day_is_refused_with_the_time_to_retry(
    ask: Submit, settings: Settings
) -> None:
    settings.DAY_CAP_USD = 1.0
    spend("0.4")
    spend("0.1", is_possible=True)
    spend("0.05", purpose=Purpose.JUDGE)
    Charge.objects.filter(purpose="judge").update(purpose="agent")
    VariantFactory(estimate_usd="0.2")
    VariantFactory(estimate_usd="0.2", status="running", original_key="answered")
    VariantFactory(estimate_usd="0.2", status="failed")
    tomorrow = ledger.today() + timedelta(days=1)
    field, message = refusal(lambda: ask(variants=3))
    assert field == "variants"
    assert message == (
        "The job is estimated at 0.3000 USD, and of today's 1.00 USD (DALI_DAY_CAP_USD) 0.2500 USD are left: 0.5500 USD"
        f" are spent and 0.2000 USD are reserved. Ask for less, or try again after {tomorrow} 00:00 UTC, when a new day"
        " begins."
    )
    ask(variants=2)
    assert refusal(lambda: ask(variants=1))[0] == "variants"  # the job just made is reserved


def test_what_was_spent_yesterday_does_not_count(ask: Submit, settings: Settings) -> None:
    settings.DAY_CAP_USD = 0.1
    spend("5")
    Charge.objects.update(created_at=timezone.now() - timedelta(days=1))
    ask()
    assert Job.objects.filter(providers=["priced"]).exists()


def once_or_again(project: Project, draft: JobDraft) -> tuple[UUID, bool]:
    """Submits with one key; returns the job, and whether it existed already."""
    once = Once("jobs", "", "k", "d")
    return do_once(
        once,
        lambda: (submit_job(project=project, draft=draft, once=once).id, False),
        lambda kept: (kept.made_id, True),
    )


def test_a_replay_is_answered_whatever_is_left_of_the_cap(
    project: Project, ask: Submit, settings: Settings
) -> None:
    settings.DAY_CAP_USD = 0.1
    draft = JobDraft("a boat", ("priced",), "s-1")
    assert once_or_again(project, draft) == (made := Job.objects.get().id, False)
    assert once_or_again(project, draft) == (made, True)
    assert refusal(ask)[0] == "variants"


def test_a_submission_sent_twice_at_once_is_not_refused_for_its_own_cost(
    project: Project, ask: Submit, settings: Settings, priced: PricedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DAY_CAP_USD = 0.1
    draft = JobDraft("a boat", ("priced",), "s-1")
    made: list[UUID] = []
    check = priced.check

    def other_first(checked: Draft) -> None:
        monkeypatch.setattr(priced, "check", check)
        made.append(once_or_again(project, draft)[0])
        check(checked)

    monkeypatch.setattr(priced, "check", other_first)
    assert once_or_again(project, draft) == (made[0], True)


def test_the_caps_apply_to_retries(ask: Submit, settings: Settings, priced: PricedProvider) -> None:
    priced.script = [None, ProviderError("refused", "No.")]  # type: ignore[arg-type]
    job = ask(variants=2)
    work_all()
    image = ImageProgression.objects.get()
    settings.DAY_CAP_USD = 0.15
    assert refusal(lambda: retry_job(job=job))[0] == "variants"
    assert refusal(lambda: retry_progression(progression=image, session_id="s-2"))[0] == "variants"
    settings.DAY_CAP_USD = 0.2
    again = retry_job(job=job)
    assert list(again.variants.values_list("estimate_usd", flat=True)) == [Decimal("0.1")]


def test_nothing_is_in_excess_before_a_cap_is_reached(ask: Submit, settings: Settings) -> None:
    settings.DAY_CAP_USD = 5
    job = ask(max_cost_usd=Decimal(1))
    spend("0.999999", job)
    assert budget.excess(job) is None


def test_the_jobs_cap_counts_all_purposes_and_possibly_billed_calls(ask: Submit) -> None:
    job = ask(max_cost_usd=Decimal(1))
    spend("0.5", job)
    spend("0.2", job, Purpose.JUDGE)
    spend("0.1", job, Purpose.REFINE)
    assert budget.excess(job) is None
    spend("0.2", job, is_possible=True)
    assert budget.excess(job) == "The job has spent 1.00 USD of at most 1.00 USD (maxCostUsd)."


def test_the_days_cap_stops_everything_that_costs_money(ask: Submit, settings: Settings) -> None:
    settings.DAY_CAP_USD = 1
    job, unknown = ask(), ask(models={"priced": "fake-2"})
    spend("1.25")
    said = budget.excess(job)
    assert said is not None
    assert said.startswith(
        "1.25 USD of at most 1.00 USD a day (DALI_DAY_CAP_USD) are spent; a new day begins at 20"
    )
    assert said.endswith(" 00:00 UTC.")
    assert budget.excess(unknown) == said


def test_nothing_is_summed_without_caps(ask: Submit) -> None:
    job = ask()
    with CaptureQueriesContext(connection) as queries:
        assert budget.excess(job) is None
    assert len(queries) == 0


def test_a_job_of_unknown_price_is_stopped_between_variants_by_its_running_sum(
    ask: Submit, priced: PricedProvider
) -> None:
    priced.usage = Usage("priced", "fake-1", {Unit.IMAGE: 1})
    job = ask(variants=4, models={"priced": "fake-2"}, max_cost_usd=Decimal("0.2"))
    work_all()
    ended = list(job.variants.order_by("number").values_list("status", "code", "cost_usd"))
    assert ended == [
        ("complete", "", Decimal("0.1")),
        ("complete", "", Decimal("0.1")),
        ("failed", "budget", None),
        ("failed", "budget", None),
    ]
    assert ledger.spent_by_job(job.id).total == Decimal("0.2")
