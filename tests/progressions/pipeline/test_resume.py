"""What a killed process leaves behind, and how the next one resumes: nothing lost, nothing paid twice."""

import itertools
from collections.abc import Callable

import pytest
from django.db import OperationalError

from progressions.errors import LeaseLostError
from progressions.models import ImageProgression, Job, Step, Variant
from progressions.pipeline import orchestrator, tools, writes
from progressions.pipeline.steps import attempts, dedupe_step, refine_step
from progressions.pipeline.steps.table import STEPS
from progressions.work import claims, leases
from progressions.work.steps import Journal
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider, picture_bytes

Submit = Callable[..., Job]


_restarts = itertools.count()


class Killed(BaseException):
    """The process dies here: no handler of the code under test catches it."""


def die(*_: object, **__: object) -> None:
    """Replaces the call in which the process is killed."""
    raise Killed


def deadlock(*_: object, **__: object) -> None:
    """Replaces a call in which the database aborts the transaction to end a deadlock."""
    raise OperationalError("deadlock detected")


def restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of another process after a kill."""
    monkeypatch.undo()
    monkeypatch.setattr(leases, "OWNER", f"process-{next(_restarts)}")
    leases.take_over()


POINTS: list[tuple[object, str, int, int]] = [
    # where it is killed, calls that the provider got before that, calls in the end
    (refine_step, "refine_prompt", 0, 1),
    (Journal, "send", 0, 1),
    (tools, "build_request", 0, 1),
    (tools, "store_answer", 1, 2),
    (Journal, "answer", 1, 1),
    (tools, "derive", 1, 1),
    (dedupe_step, "_compare", 1, 1),
    (tools, "place_delivery", 1, 1),
    (writes, "insert_progression", 1, 1),
    (tools, "ask_judge", 1, 1),
    (writes, "end_variant", 1, 1),
]


@pytest.mark.parametrize(("owner", "name", "before", "after"), POINTS, ids=[name for _, name, _, _ in POINTS])
def test_a_variant_killed_anywhere_ends_exactly_once(
    owner: object,
    name: str,
    before: int,
    after: int,
    submit: Submit,
    fake_provider: FakeProvider,
    fake_judge: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = submit(seed=5)
    monkeypatch.setattr(owner, name, die)
    with pytest.raises(Killed):
        work_all()
    assert len(fake_provider.requests) == before
    restart(monkeypatch)
    work_all()
    variant = job.variants.get()
    assert (variant.status, len(fake_provider.requests)) == ("complete", after)
    assert ImageProgression.objects.count() == 1
    types = [event["type"] for event in told()]
    assert [types.count(once) for once in ("queued", "running", "judge")] == [1, 1, 1]
    assert [(event["type"], event["scope"]) for event in told()[-2:]] == [
        ("complete", "variant"),
        ("complete", "job"),
    ]
    assert [event["seq"] for event in told()] == list(range(1, len(types) + 1))
    progress = [event["progress"] for event in told() if event["type"] == "progress"]
    assert progress == sorted(progress)


def test_a_call_without_an_answer_is_unknown_and_costs_an_attempt(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    monkeypatch.setattr(tools, "store_answer", die)
    with pytest.raises(Killed):
        work_all()
    restart(monkeypatch)
    work_all()
    variant = job.variants.get()
    assert (variant.attempts, variant.possibly_billed) == (2, 1)
    calls = Step.objects.filter(owner_id=variant.id, name="generate").order_by("attempt")
    assert [step.status for step in calls] == ["unknown", "ok"]


def test_an_answer_stored_by_a_killed_process_is_adopted(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    monkeypatch.setattr(Journal, "answer", die)
    with pytest.raises(Killed):
        work_all()
    restart(monkeypatch)
    work_all()
    variant = job.variants.get()
    assert (variant.attempts, variant.possibly_billed, len(fake_provider.requests)) == (1, 0, 1)
    assert Step.objects.get(owner_id=variant.id, name="generate").result["adopted"] is True


def test_a_job_killed_again_and_again_stops_calling_in_the_end(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    for _ in range(6):
        monkeypatch.setattr(tools, "store_answer", die)
        try:
            work_all()
        except Killed:
            restart(monkeypatch)
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.attempts) == ("failed", "provider_error", 4)
    assert len(fake_provider.requests) == 4


def test_a_worker_that_lost_its_lease_can_write_nothing(submit: Submit) -> None:
    job = submit()
    slow = claims.claim_next()
    assert slow is not None
    Variant.objects.update(lease_until=None)
    quick = claims.claim_next()
    assert quick is not None
    assert quick.token == slow.token + 1
    with pytest.raises(LeaseLostError), leases.fenced(slow, error="from the grave"):
        Step.objects.create(owner_id=slow.id, name="late", status="ok")
    orchestrator.run_lease(slow)
    assert not Step.objects.exists()
    orchestrator.run_lease(quick)
    orchestrator.run_lease(quick)
    assert (job.variants.get().status, ImageProgression.objects.count()) == ("complete", 1)


def test_leases_released_at_a_stop_are_free_at_once(submit: Submit) -> None:
    submit(variants=2)
    held = claims.claim_next()
    assert held is not None
    assert leases.release_all() == 1
    assert claims.claim_next() is None
    leases.take_over()
    again = claims.claim_next()
    assert again is not None
    assert (again.id, again.token) == (held.id, held.token + 2)
    with pytest.raises(LeaseLostError), leases.fenced(held):
        pass


def test_a_duplicate_found_before_the_process_died_stays_one(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.script = [picture_bytes(1), picture_bytes(1)]
    job = submit(variants=2)
    monkeypatch.setattr(dedupe_step, "_skip", die)
    with pytest.raises(Killed):
        work_all()
    restart(monkeypatch)
    work_all()
    assert [variant.status for variant in job.variants.order_by("number")] == ["complete", "skipped"]


def test_a_transaction_aborted_by_the_database_is_repeated_at_once(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    monkeypatch.setattr(writes, "insert_progression", deadlock)
    lease = claims.claim_next()
    assert lease is not None
    orchestrator.run_lease(lease)
    variant = job.variants.get()
    assert (variant.status, variant.lease_until) == ("running", None)
    monkeypatch.undo()
    work_all()
    assert (job.variants.get().status, len(fake_provider.requests)) == ("complete", 1)


def test_the_stored_answer_of_an_earlier_call_is_used(submit: Submit, fake_provider: FakeProvider) -> None:
    job = submit(seed=9)
    from dali.lib.objects.storage import originals

    variant = job.variants.get()
    originals().put_once(tools.original_key(variant), picture_bytes(1234), media_type="image/png")
    work_all()
    row = ImageProgression.objects.get()
    assert originals().read(row.generated_image_r2_key) == picture_bytes(1234)
    assert row.bytes == len(picture_bytes(1234))
    progress = [step.progress for step in STEPS]
    assert progress == sorted(progress)
    assert progress[0] < attempts.SENT < progress[1]
