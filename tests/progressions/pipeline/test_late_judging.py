"""What a verdict costs and stores: in time, late, again, and when the judge fails; a judge never delays its image."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from dali.lib.calls.failures import Outcome, VendorError
from dali.lib.objects.storage import originals
from progressions.enums import Judgment, Purpose
from progressions.errors import JudgeError
from progressions.judge import Judge, JudgeRequest, Verdict, judge_in_use, judges
from progressions.models import Charge, ImageProgression, Job, Step
from progressions.money import ledger
from progressions.pipeline import late_judging, tools
from tests.progressions.conftest import told, work_all
from tests.progressions.fake_models import SEEN, ScriptedJudge
from tests.progressions.fakes import FakeJudge, FakeProvider

Submit = Callable[..., Job]
FAILURE = VendorError("rate_limited", "Fake: 429", usage=SEEN)


@pytest.fixture
def scripted(fake_judge: FakeJudge, settings: Settings) -> Iterator[ScriptedJudge]:
    """The judge in use, which asks a model."""
    settings.JUDGE = "scripted"
    with judges.register_temporarily(ScriptedJudge()) as judge:
        assert isinstance(judge, ScriptedJudge)
        yield judge


@pytest.fixture(autouse=True)
def _priced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "cost_of", lambda usage, on: Decimal("0.002"))


def judged_charges() -> list[Any]:
    return list(Charge.objects.filter(purpose=Purpose.JUDGE).order_by("id"))


def test_a_verdict_is_charged_with_its_image_and_included_in_the_jobs_sum(
    submit: Submit, scripted: ScriptedJudge
) -> None:
    job = submit()
    work_all()
    row = ImageProgression.objects.get()
    (charge,) = judged_charges()
    assert (charge.service, charge.model, charge.usd) == ("fake", "fake-eye-1", Decimal("0.002"))
    assert (charge.job_id, charge.progression_id, charge.project_id) == (job.id, row.id, job.project_id)
    assert told()[-1]["costUsd"] == pytest.approx(0.012)  # with the fake provider's cent
    step = Step.objects.get(name="judge")
    assert step.result == {"judgment": "pass", "judge": "scripted", "model": "fake-eye-1"}


def test_both_calls_of_an_unreadable_verdict_are_charged(submit: Submit, scripted: ScriptedJudge) -> None:
    scripted.script = ["Hm.", "Hm."]
    job = submit()
    work_all()
    row = ImageProgression.objects.get()
    assert (job.variants.get().status, row.judgment, row.judge_due_at) == ("complete", None, None)
    assert row.ai_notes == ["The judge scripted gave no readable verdict."]
    assert len(judged_charges()) == 2


def test_a_failing_judge_is_charged_for_what_it_used_and_asked_again(
    submit: Submit, scripted: ScriptedJudge
) -> None:
    scripted.script = ["Hm.", FAILURE, FAILURE]
    job = submit()
    work_all()
    row = ImageProgression.objects.get()
    assert (job.variants.get().status, row.judgment) == ("complete", None)
    assert row.ai_notes == ["Not judged yet: Fake: 429. It will be judged again later."]
    assert len(judged_charges()) == 2
    for charges, judgment in ((3, None), (4, "pass")):
        ImageProgression.objects.update(judge_due_at=timezone.now() - timedelta(seconds=1))
        assert late_judging.judge_late(row.id)
        row.refresh_from_db()
        assert (len(judged_charges()), row.judgment) == (charges, judgment)
    assert [event["type"] for event in told()].count("judge") == 2
    assert told()[-1]["late"] is True


@pytest.mark.parametrize("outcome", ["timeout", "provider_error", "refused"])
def test_a_call_that_was_sent_and_never_answered_is_possibly_billed(
    outcome: Outcome, submit: Submit, scripted: ScriptedJudge
) -> None:
    lost = VendorError(outcome, "Fake: no answer", is_possibly_billed=True)
    scripted.script = ["Hm.", lost, lost]
    job = submit()
    work_all()
    row = ImageProgression.objects.get()
    paid, unseen = judged_charges()
    assert (paid.is_possible, paid.service) == (False, "fake")
    assert (unseen.is_possible, unseen.service, unseen.usd) == (True, "scripted", Decimal("0.002"))
    assert (unseen.job_id, unseen.progression_id, unseen.project_id) == (job.id, row.id, job.project_id)
    assert told()[-1]["costUsd"] == pytest.approx(0.012)  # not included in any sum
    assert ledger.spent_by_job(job.id).possible == 1
    late_judging.ask_again(progression_ids=[row.id])
    assert late_judging.judge_late(row.id)
    assert [charge.is_possible for charge in judged_charges()] == [False, True, True]


def test_a_judge_that_exceeds_its_deadline_is_possibly_billed(
    submit: Submit, scripted: ScriptedJudge, settings: Settings
) -> None:
    settings.JUDGE_TIMEOUT_S = 0.3
    let_go = threading.Event()
    scripted.before_answer = lambda: bool(let_go.wait(20))
    submit()
    work_all()
    let_go.set()
    assert ImageProgression.objects.get().judgment is None
    assert [(charge.is_possible, charge.usage) for charge in judged_charges()] == [(True, {})]


def test_a_free_judge_leaves_no_ledger_row_however_it_fails(submit: Submit, fake_judge: FakeJudge) -> None:
    fake_judge.verdict = TimeoutError()
    submit()
    work_all()
    assert judged_charges() == []


def test_an_existing_verdict_survives_a_judge_that_fails_or_abstains(
    submit: Submit, scripted: ScriptedJudge
) -> None:
    submit()
    work_all()
    row = ImageProgression.objects.get()
    newest = told()[-1]["seq"]
    scripted.script = [FAILURE, VendorError("refused", "Fake refused.", usage=SEEN)]
    for attempts in (1, 0):
        late_judging.ask_again(progression_ids=[row.id])
        assert late_judging.judge_late(row.id)
        row.refresh_from_db()
        assert (row.judgment, row.ai_notes, row.judge_attempts) == ("pass", ["A lighthouse."], attempts)
    assert row.judge_due_at is None
    assert len(judged_charges()) == 3
    assert told()[-1]["seq"] == newest


def test_an_image_that_is_being_judged_is_not_judged_twice(submit: Submit, scripted: ScriptedJudge) -> None:
    submit()
    work_all()
    row = ImageProgression.objects.get()
    seen: list[Any] = []

    def look_around(*args: object) -> Verdict:
        seen.append(late_judging.due_for_judging(10))
        assert not late_judging.judge_late(row.id)
        return Verdict(None, ["Nothing."])

    late_judging.ask_again(progression_ids=[row.id])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late_judging, "look", look_around)
        assert late_judging.judge_late(row.id)
    assert seen == [[]]


def test_an_error_while_an_image_is_judged_puts_it_off(
    submit: Submit, scripted: ScriptedJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit()
    work_all()
    row = ImageProgression.objects.get()
    late_judging.ask_again(progression_ids=[row.id])
    monkeypatch.setattr(late_judging, "look", lambda *_: 1 / 0)
    assert late_judging.judge_late(row.id)
    row.refresh_from_db()
    assert row.lease_until is None
    assert row.judge_due_at is not None
    assert row.judge_due_at > timezone.now() + timedelta(minutes=4)


def test_a_verdict_under_a_lost_lease_is_charged_and_not_written(
    submit: Submit, scripted: ScriptedJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*args: object) -> Verdict:
        ImageProgression.objects.update(lease_token=9)
        return Verdict(Judgment.FAIL, ["A barn."], usage=(SEEN,))

    submit()
    work_all()
    row = ImageProgression.objects.get()
    late_judging.ask_again(progression_ids=[row.id])
    monkeypatch.setattr(late_judging, "look", lose)
    assert late_judging.judge_late(row.id)
    row.refresh_from_db()
    assert (row.judgment, row.judge_due_at is None, len(judged_charges())) == ("pass", False, 2)


def test_a_missing_start_image_is_named_and_no_judge_is_asked(
    submit: Submit, scripted: ScriptedJudge
) -> None:
    job = submit()
    job.start_image_key = "project/p/jobs/gone/orig/start"
    with pytest.raises(JudgeError, match=r"The start image could not be opened \(FileNotFoundError\)\."):
        tools.ask_judge(job, "edit", None)  # type: ignore[arg-type] # it is not used
    assert scripted.questions == []


def test_the_judges_own_deadline_is_earlier_than_its_timeout(submit: Submit, fake_judge: FakeJudge) -> None:
    submit()
    work_all()
    (request,) = fake_judge.requests
    assert 0 < request.deadline.left_s() < 60


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no pool")
@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_the_judge_looks(submit: Submit, fake_judge: FakeJudge) -> None:
    held: list[bool] = []
    keep = fake_judge.judge

    def look_around(request: JudgeRequest) -> Verdict:
        held.append(main.connection is not None)
        return keep(request)

    main = connections["default"]
    fake_judge.judge = look_around  # type: ignore[method-assign] # a fake
    submit()
    work_all()
    assert held == [False]


@pytest.mark.parametrize(
    ("configured", "chosen"),
    [
        (("workers", "openai", "gemini"), "workers"),
        (("openai", "gemini"), "openai"),
        (("gemini",), "gemini"),
        ((), "local"),
    ],
)
def test_auto_takes_the_first_that_is_configured(
    configured: tuple[str, ...], chosen: str, settings: Settings
) -> None:
    settings.JUDGE = "auto"
    keys = {
        "workers": {"CLOUDFLARE_ACCOUNT_ID": "a", "CLOUDFLARE_API_TOKEN": "cf-test-token-0123456789"},
        "openai": {"OPENAI_API_KEY": "sk-test-openai-0123456789"},
        "gemini": {"GEMINI_API_KEY": "AIza-test-0123456789"},
    }
    for name, variables in keys.items():
        for variable, value in variables.items():
            setattr(settings, variable, value if name in configured else "")
    judge: Judge = judge_in_use()
    assert judge.name == chosen


def test_the_judge_sees_an_image_as_its_provider_stored_it(
    submit: Submit, fake_judge: FakeJudge, fake_provider: FakeProvider
) -> None:
    submit()
    work_all()
    row = ImageProgression.objects.get()
    verdict = late_judging.look(row, fake_judge)
    assert verdict.judge == "fake"
    assert fake_judge.requests[-1].generated_image.width == row.width
    assert originals().read(row.generated_image_r2_key)
