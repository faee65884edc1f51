"""A storage outage: paid answers are held, work waits with growing pauses and continues, nothing is paid twice."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import LocalWriteOnceStorage, originals
from progressions.enums import Kind
from progressions.models import HeldAnswer, ImageProgression, Job, Step, Variant
from progressions.pipeline import orchestrator, tools
from progressions.pipeline.steps import generate_step
from progressions.pipeline.writes import cancel_job
from progressions.work import claims, slots
from progressions.work.held_answers import forget_ended
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider, picture_bytes

pytestmark = pytest.mark.django_db(transaction=True)
Submit = Callable[..., Job]


class Switch:
    """Takes all local storages down, and brings them back."""

    def __init__(self) -> None:
        self.is_away = False

    def check(self) -> None:
        """Raises the error of a bucket's storage."""
        if self.is_away:
            raise UnavailableError("the bucket 'secret-bucket' could not be used (ConnectTimeoutError)")


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Switch]:
    switch = Switch()
    monkeypatch.setattr(tools, "retry", lambda effect, *_: effect())
    for name in ("put_once", "read", "read_note", "exists", "size_of", "delete"):
        real = getattr(LocalWriteOnceStorage, name)

        def guarded(self: LocalWriteOnceStorage, *args: Any, _real: Any = real, **options: Any) -> Any:
            switch.check()
            return _real(self, *args, **options)

        monkeypatch.setattr(LocalWriteOnceStorage, name, guarded)
    yield switch
    switch.is_away = False


def let_time_pass() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Variant.objects.update(not_before=past)
    Job.objects.update(not_before=past)


def waits_s(row: Variant | Job) -> float:
    row.refresh_from_db()
    return (row.not_before - timezone.now()).total_seconds()


def test_an_answer_that_cannot_be_stored_is_held_and_paid_once(
    submit: Submit, fake_provider: FakeProvider, storage: Switch
) -> None:
    fake_provider.before_answer = lambda request: setattr(storage, "is_away", True)
    variant = submit().variants.get()
    work_all()
    assert 4 < waits_s(variant) <= 5
    assert (variant.status, variant.lease_until, slots.under_way("fake")) == ("running", None, 0)
    assert bytes(HeldAnswer.objects.get(variant=variant).content)[:4] == b"\x89PNG"
    waiting = told()[-1]
    assert (waiting["type"], waiting["retryInMs"]) == ("progress", 5000)
    assert "secret-bucket" not in str(told())
    pauses = []
    for _ in range(6):
        let_time_pass()
        work_all()
        pauses.append(round(waits_s(variant)))
    assert pauses == [5, 8, 16, 32, 60, 60]
    storage.is_away = False
    let_time_pass()
    work_all()
    variant.refresh_from_db()
    assert (variant.status, len(fake_provider.requests)) == ("complete", 1)
    assert (HeldAnswer.objects.count(), originals().exists(variant.original_key)) == (0, True)
    assert float(variant.cost_usd or 0) == 0.01
    assert variant.possibly_billed == 0


def test_an_answer_that_still_needs_finishing_is_held_too(
    submit: Submit, fake_provider: FakeProvider, storage: Switch
) -> None:
    fake_provider.finishes = frozenset({Kind.GENERATE})  # type: ignore[misc]
    fake_provider.before_answer = lambda request: setattr(storage, "is_away", True)
    variant = submit().variants.get()
    work_all()
    storage.is_away = False
    let_time_pass()
    work_all()
    variant.refresh_from_db()
    assert (variant.status, len(fake_provider.requests), len(fake_provider.finished)) == ("complete", 1, 1)


def test_while_an_answer_is_held_no_other_variant_pays_and_all_continue_afterwards(
    submit: Submit, fake_provider: FakeProvider, storage: Switch
) -> None:
    fake_provider.before_answer = lambda request: setattr(storage, "is_away", True)
    job = submit(variants=4)
    work_all()
    assert len(fake_provider.requests) == 1
    assert job.variants.filter(status="queued").count() == 3
    Variant.objects.update(nudged_at=None)
    assert claims.nudge_due() == 0, "nothing that waits for the storage is sent for"
    fake_provider.before_answer = lambda request: None
    storage.is_away = False
    let_time_pass()
    work_all()
    assert job.variants.filter(status="complete").count() == 4
    assert len(fake_provider.requests) == 4


def test_a_held_answer_of_a_cancelled_job_blocks_nothing(
    submit: Submit, fake_provider: FakeProvider, storage: Switch
) -> None:
    fake_provider.before_answer = lambda request: setattr(storage, "is_away", True)
    cancelled = submit()
    work_all()
    cancel_job(job_id=cancelled.id)
    assert cancelled.variants.get().status == "cancelled"
    storage.is_away = False
    fake_provider.before_answer = lambda request: None
    other = submit(session_id="s-2")
    work_all()
    assert other.variants.get().status == "complete"
    assert forget_ended() == 1


def test_a_worker_that_resumes_an_answered_call_waits_for_the_storage_and_adopts_the_answer(
    submit: Submit, fake_provider: FakeProvider, storage: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        """The process dies here."""

    def die(*args: object, **options: object) -> None:
        raise KilledError

    variant = submit().variants.get()
    lease = claims.claim_next()
    assert lease is not None
    with monkeypatch.context() as patch:
        patch.setattr("progressions.work.steps.Journal.answer", die)
        with pytest.raises(KilledError):
            orchestrator.run_lease(lease)
    Variant.objects.update(lease_until=None)
    storage.is_away = True
    for _ in range(3):
        let_time_pass()
        work_all()
    variant.refresh_from_db()
    assert variant.status == "running"
    assert Step.objects.filter(owner_id=variant.id, name="store", status="failed").count() == 3
    storage.is_away = False
    let_time_pass()
    work_all()
    variant.refresh_from_db()
    assert (variant.status, variant.possibly_billed, len(fake_provider.requests)) == ("complete", 0, 1)


def journal_its_answer(storage: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Works until the answer is journaled; then its bytes cannot be read."""

    def lose(job: Job, kind: str) -> None:
        storage.is_away = True
        storage.check()

    with monkeypatch.context() as patch:
        patch.setattr(generate_step, "load_area", lose)
        work_all()


def test_an_unreadable_original_waits_and_the_image_is_made_from_it(
    submit: Submit, fake_provider: FakeProvider, storage: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = submit().variants.get()
    journal_its_answer(storage, monkeypatch)
    let_time_pass()
    work_all()
    variant.refresh_from_db()
    assert (variant.status, ImageProgression.objects.count()) == ("running", 0)
    storage.is_away = False
    let_time_pass()
    work_all()
    assert (ImageProgression.objects.count(), len(fake_provider.requests)) == (1, 1)


def test_a_start_image_waits_for_the_storage_through_any_outage(
    submit: Submit, fake_provider: FakeProvider, storage: Switch
) -> None:
    first = submit()
    work_all()
    parent = ImageProgression.objects.get(job=first)
    job = submit(parent_progression_id=parent.id, session_id="s-2")
    storage.is_away = True
    pauses = []
    for _ in range(8):
        let_time_pass()
        work_all()
        pauses.append(round(waits_s(job)))
    assert pauses == [5, 5, 8, 16, 32, 60, 60, 60]
    assert job.variants.get().status == "queued"
    storage.is_away = False
    let_time_pass()
    work_all()
    assert job.variants.get().status == "complete"


def test_with_little_disk_space_nothing_new_is_paid_for_and_answered_calls_continue(
    submit: Submit, fake_provider: FakeProvider, storage: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = submit()
    journal_its_answer(storage, monkeypatch)
    storage.is_away = False
    let_time_pass()
    waiting = submit(session_id="s-2")
    monkeypatch.setattr("dali.lib.files.disk.free_bytes", lambda: 1_000_000)
    assert work_all() == 1
    assert (answered.variants.get().status, waiting.variants.get().status) == ("complete", "queued")
    assert len(fake_provider.requests) == 1
    monkeypatch.setattr("dali.lib.files.disk.free_bytes", lambda: 10**12)
    work_all()
    assert waiting.variants.get().status == "complete"


def test_a_held_picture_is_unchanged(submit: Submit, fake_provider: FakeProvider, storage: Switch) -> None:
    content = picture_bytes(7)
    fake_provider.script = [content]
    fake_provider.before_answer = lambda request: setattr(storage, "is_away", True)
    variant = submit().variants.get()
    work_all()
    storage.is_away = False
    let_time_pass()
    work_all()
    variant.refresh_from_db()
    assert originals().read(variant.original_key) == content
