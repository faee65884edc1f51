"""A provider's concurrency: never more calls than it allows, and no variant waits in vain or is forgotten."""

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from dali.lib.pictures.images import InvalidImageError
from progressions.enums import Code
from progressions.errors import ProviderError
from progressions.models import Job, Variant
from progressions.pipeline import orchestrator, tools
from progressions.pipeline.intake.submit import JobDraft, submit_job
from progressions.pipeline.steps import generate_step
from progressions.provider import providers
from progressions.work import claim_sql, claims, leases, slots
from projects.models import Project
from tests.progressions.conftest import work_all
from tests.progressions.fakes import FakeProvider

pytestmark = pytest.mark.django_db(transaction=True)
Submit = Callable[..., Job]


class OtherProvider(FakeProvider):
    """Another provider, without a limit."""

    name = "other"


@pytest.fixture
def other_provider() -> Iterator[FakeProvider]:
    """A provider called `other`."""
    with providers.register_temporarily(OtherProvider()) as provider:
        assert isinstance(provider, FakeProvider)
        yield provider


@pytest.fixture
def freed() -> Iterator[list[str]]:
    """The providers with a freed slot that a variant may be waiting for."""
    names: list[str] = []

    def note(provider: str, **kwargs: object) -> None:
        names.append(provider)

    slots.freed.connect(note)
    yield names
    slots.freed.disconnect(note)


def provider_of(lease: leases.Lease) -> str:
    return Variant.objects.get(id=lease.id).provider


def test_a_claim_skips_a_provider_that_is_full(
    submit: Submit, fake_provider: FakeProvider, other_provider: FakeProvider
) -> None:
    fake_provider.limit = 2
    submit(providers=("fake", "other"), variants=3)
    taken = [lease for _ in range(6) if (lease := claims.claim_next())]
    assert [provider_of(lease) for lease in taken] == ["fake", "fake", "other", "other", "other"]
    assert slots.under_way("fake") == 2
    slots.free(taken[0])
    again = claims.claim_next()
    assert again is not None
    assert provider_of(again) == "fake"
    assert claims.claim_next() is None
    for lease in [*taken, again]:
        leases.forget(lease)
    assert slots.under_way("fake") == 0


def test_a_slot_is_free_once_the_answer_is_stored_and_not_only_after_judging(
    submit: Submit, fake_provider: FakeProvider, fake_judge: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.limit = 1
    submit()
    seen: list[int] = []
    fake_provider.before_answer = lambda request: seen.append(slots.under_way("fake"))
    monkeypatch.setattr(generate_step, "load_area", lambda job, kind: seen.append(slots.under_way("fake")))
    work_all()
    assert seen == [1, 0]


def test_a_variant_that_waits_for_its_next_attempt_holds_no_slot(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.limit = 1
    fake_provider.script = [ProviderError(Code.PROVIDER_ERROR, "502")]
    submit()
    work_all()
    assert (Variant.objects.get().status, slots.under_way("fake")) == ("running", 0)


def test_skipped_work_is_nudged_when_a_slot_is_freed(
    submit: Submit, fake_provider: FakeProvider, freed: list[str]
) -> None:
    fake_provider.limit = 1
    submit(variants=2)
    first = claims.claim_next()
    assert claims.claim_next() is None
    assert first is not None
    slots.free(first)
    assert freed == ["fake"]
    second = claims.claim_next()
    assert second is not None
    slots.free(second)
    assert freed == ["fake", "fake"], "more than one may have been passed over"


def test_nothing_is_nudged_when_no_work_is_left(
    submit: Submit, fake_provider: FakeProvider, freed: list[str]
) -> None:
    fake_provider.limit = 1
    submit()
    first = claims.claim_next()
    assert first is not None
    assert claims.claim_next() is None
    slots.free(first)
    assert claims.claim_next() is None
    freed.clear()
    submit(session_id="s-2")
    second = claims.claim_next()
    assert second is not None
    slots.free(second)
    assert freed == []


def test_a_variant_that_has_its_answer_needs_no_slot(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.limit = 1
    submit(variants=2)
    first = claims.claim_next()
    assert first is not None
    Variant.objects.filter(index=1).update(original_key="project/p/jobs/j/orig/1")
    second = claims.claim_next()
    assert second is not None
    assert slots.under_way("fake") == 1
    leases.forget(first)
    leases.forget(second)


def test_an_answer_that_does_not_decode_is_requested_again_when_a_slot_is_free(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.limit = 1
    derive, holder = tools.derive, object()

    def derive_nothing_while_another_comes(content: bytes, area: object) -> tools.Derived:
        slots.hold(holder, "fake")
        monkeypatch.setattr(tools, "derive", derive)
        raise InvalidImageError("the picture breaks off")

    monkeypatch.setattr(tools, "derive", derive_nothing_while_another_comes)
    job = submit()
    lease = claims.claim_next()
    assert lease is not None
    orchestrator.run_lease(lease)
    assert (job.variants.get().status, len(fake_provider.requests)) == ("running", 1)
    assert claims.claim_next() is None
    slots.free(holder)
    work_all()
    assert (job.variants.get().status, len(fake_provider.requests)) == ("complete", 2)


def test_many_threads_never_exceed_the_allowed_concurrency(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.limit = 3
    gauge, most, lock = [0], [0], threading.Lock()

    def take() -> None:
        for number in range(50):
            with slots.gate():
                if "fake" in slots.full(slots.limits()):
                    continue
                slots.hold((threading.get_ident(), number), "fake")
            with lock:
                gauge[0] += 1
                most[0] = max(most[0], gauge[0])
            with lock:
                gauge[0] -= 1
            slots.free((threading.get_ident(), number))

    threads = [threading.Thread(target=take) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 3
    assert slots.under_way("fake") == 0


def test_a_provider_without_its_settings_limits_nothing(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.limit = 1
    assert slots.limits()["fake"] == 1
    monkeypatch.setattr(fake_provider, "missing", lambda: ["FAKE_KEY"])
    assert "fake" not in slots.limits()


def test_variants_held_back_by_a_cooldown_are_nudged_when_it_is_over(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    submit(variants=3)
    now = timezone.now()
    Variant.objects.update(nudged_at=now - timedelta(seconds=10))
    assert claims.nudge_due() == 0
    claim_sql.cool_down("fake", now - timedelta(seconds=1), "429")
    assert claims.nudge_due() == 3
    assert claims.nudge_due() == 0


def test_many_threads_with_few_connections_finish_a_job_of_refusals(
    submit: Submit, fake_provider: FakeProvider, other_provider: FakeProvider
) -> None:
    # On PostgreSQL the pool has 16: a thread that held one while it waits for the gate would block all others.
    fake_provider.limit = other_provider.limit = 20
    refusal = ProviderError(Code.REFUSED, "The safety system said no.")
    fake_provider.script = [refusal] * 60
    other_provider.script = [refusal] * 60
    job = submit(providers=("fake", "other"), variants=60)

    def work() -> None:
        try:
            while (lease := claims.claim_next()) is not None:
                orchestrator.run_lease(lease)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert [thread for thread in threads if thread.is_alive()] == []
    work_all()
    assert job.variants.filter(status="failed", code="refused").count() == 120
    assert (slots.under_way("fake"), slots.under_way("other")) == (0, 0)


@pytest.mark.parametrize(
    "error", [OperationalError("the server closed the connection"), RuntimeError("broken")]
)
def test_an_unreadable_row_costs_no_slot_and_no_time(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    fake_provider.limit = 1
    job = submit()
    lease = claims.claim_next()
    assert lease is not None

    def refuse(*args: object, **options: object) -> Variant:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("django.db.models.query.QuerySet.get", refuse)
        with nullcontext() if isinstance(error, OperationalError) else pytest.raises(RuntimeError):
            orchestrator.run_lease(lease)
    assert slots.under_way("fake") == 0
    if isinstance(error, OperationalError):
        assert job.variants.get().lease_until is None, "it is free at once, not after two minutes"
        work_all()
        assert job.variants.get().status == "complete"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer and no locks on rows")
def test_a_project_locked_by_another_process_delays_only_its_own_work(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    job = submit()
    elsewhere = Project.objects.create(name="Elsewhere")
    other = submit_job(
        project=elsewhere, draft=JobDraft(prompt="a pier", providers=("fake",), session_id="s-2")
    )
    holder = connection.copy()
    try:
        holder.ensure_connection()
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute("SELECT 1 FROM projects WHERE id = %s FOR UPDATE", [job.project_id])
        for _ in range(2):
            lease = claims.claim_next()
            assert lease is not None
            orchestrator.run_lease(lease)
        assert (job.variants.get().status, other.variants.get().status) == ("running", "complete")
        holder.rollback()
    finally:
        holder.close()
    work_all()
    assert job.variants.get().status == "complete"
    assert len(fake_provider.requests) == 2
