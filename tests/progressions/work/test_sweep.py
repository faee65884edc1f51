"""The sweep finds due work, ends cancelled variants and prunes old rows."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from dali.lib.ids import new_id
from progressions import tasks
from progressions.models import Duty, Event, IdempotencyKey, Job, StreamSession, Variant
from progressions.upkeep import pruning
from progressions.work import claims, nudges, sweep
from progressions.work.idempotency import Once
from tests.progressions.conftest import told, work_all

Submit = Callable[..., Job]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of messages sent at each nudge."""
    counts: list[int] = []
    monkeypatch.setattr(nudges, "nudge", counts.append)
    return counts


def test_lost_work_is_nudged_once_until_its_message_is_old(submit: Submit, sent: list[int]) -> None:
    submit(variants=3)
    assert claims.nudge_due() == 3
    assert claims.nudge_due() == 0
    Variant.objects.update(nudged_at=timezone.now() - timedelta(seconds=31))
    assert claims.nudge_due() == 3
    assert sent == [3, 0, 3]


def test_a_dead_workers_variant_is_due_when_its_lease_ends(submit: Submit, sent: list[int]) -> None:
    submit()
    claims.claim_next()
    assert claims.nudge_due() == 0
    Variant.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claims.nudge_due() == 1


def test_a_cancelled_variant_whose_worker_is_dead_is_ended(submit: Submit, sent: list[int]) -> None:
    from progressions.pipeline import writes

    job = submit()
    claims.claim_next()
    writes.cancel_job(job_id=job.id)
    assert job.variants.get().status == "running"
    sweep.look()
    assert job.variants.get().status == "running"
    Variant.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    sweep.look()
    assert job.variants.get().status == "cancelled"
    assert told()[-1]["scope"] == "job"


def test_one_process_sweeps_at_a_time(submit: Submit, sent: list[int]) -> None:
    submit()
    assert sweep.sweep() == 1
    Variant.objects.update(nudged_at=None)
    assert sweep.sweep() == 0
    Duty.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert sweep.sweep() == 1


def test_old_events_are_pruned_and_the_session_records_it(submit: Submit, sent: list[int]) -> None:
    submit()
    work_all()
    Event.objects.filter(seq__lte=4).update(created_at=timezone.now() - timedelta(days=31))
    assert pruning.prune_events(timezone.now() - timedelta(days=30)) == 4
    session = StreamSession.objects.get(session_id="s-1")
    assert (session.pruned_seq, session.last_seq) == (4, 11)
    assert Event.objects.filter(session_id="s-1").count() == 7


@pytest.mark.django_db
def test_old_idempotency_keys_are_deleted(sent: list[int]) -> None:
    for key, days in (("old", 8), ("young", 6)):
        Once("jobs", "", key, "d").keep(new_id(), 202)
        IdempotencyKey.objects.filter(key=key).update(created_at=timezone.now() - timedelta(days=days))
    pruning.tidy()
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["young"]


def test_the_task_works_until_nothing_is_due(submit: Submit, sent: list[int]) -> None:
    job = submit(variants=tasks.ROWS_A_MESSAGE + 2)
    tasks.work()
    assert job.variants.filter(status="complete").count() == tasks.ROWS_A_MESSAGE
    assert sent == [1]
    tasks.work()
    job.refresh_from_db()
    assert job.status == "complete"
