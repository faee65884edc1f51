"""Every kind of leased row: claimed once, renewed, lost, given back and taken over in the same way."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from artifacts.making import services
from artifacts.models import Artifact, Chat, ChatTurn
from dali.lib.db import connections
from progressions.errors import LeaseLostError
from progressions.models import ImageProgression, Job, Leased, Rewrite, Variant
from progressions.pipeline import late_judging
from progressions.work import claims, leases
from tests.factories import JobFactory, ProgressionFactory, VariantFactory

Take = Callable[[], leases.Lease | None]


def variant() -> Take:
    VariantFactory(not_before=timezone.now() - timedelta(minutes=1))
    return claims.claim_next


def ingest() -> Take:
    JobFactory(ingest="waiting", not_before=timezone.now() - timedelta(minutes=1))
    return claims.claim_next


def image() -> Take:
    ProgressionFactory(judge_due_at=timezone.now() - timedelta(minutes=1))
    return lambda: late_judging.claim(ImageProgression.objects.filter(judge_due_at__lte=connections.now()))


def build() -> Take:
    Artifact.objects.create(title="Reel", output="mp4", status=Artifact.Status.BUILDING)
    return lambda: leases.claim(services.due_builds(), services.LONGEST_S)


def rewrite() -> Take:
    Rewrite.objects.create(digest="d")
    return lambda: leases.claim(Rewrite.objects.filter(text=""), fault="")


def turn() -> Take:
    artifact = Artifact.objects.create(title="Page", output="html")
    chat = Chat.objects.create(artifact=artifact, session_id="s-1")
    ChatTurn.objects.create(chat=chat, number=1, input="hello")
    return lambda: leases.claim(ChatTurn.objects.filter(status="queued"))


KINDS: dict[type[Leased], Callable[[], Take]] = {
    Variant: variant, Job: ingest, ImageProgression: image, Artifact: build, Rewrite: rewrite, ChatTurn: turn,
}  # fmt: skip
each_kind = pytest.mark.parametrize("model", KINDS, ids=lambda model: model.__name__)


@pytest.fixture(autouse=True)
def _nothing_is_held(db: None) -> Iterator[None]:
    yield
    leases.release_all()
    leases.take_over()


def taken(take: Take) -> leases.Lease:
    lease = take()
    assert lease is not None
    return lease


def row_of(model: type[Leased]) -> Any:
    return model._default_manager.get()


def expire(model: type[Leased]) -> None:
    model._default_manager.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_every_leased_model_is_tested() -> None:
    assert {model for model in apps.get_models() if issubclass(model, Leased)} == set(KINDS)


@each_kind
def test_a_row_is_claimed_once_and_its_lease_renewed(model: type[Leased]) -> None:
    take = KINDS[model]()
    lease = taken(take)
    assert (lease.model, lease.id, lease.token) == (model, row_of(model).pk, 1)
    assert leases.is_held(row_of(model))
    assert take() is None
    almost_over = timezone.now() + timedelta(seconds=1)
    model._default_manager.update(lease_until=almost_over)
    leases._keeper.renew()
    assert row_of(model).lease_until > almost_over + timedelta(seconds=20)
    leases.forget(lease)
    model._default_manager.update(lease_until=almost_over)
    leases._keeper.renew()
    assert row_of(model).lease_until == almost_over


@each_kind
def test_a_lease_past_its_time_limit_is_not_renewed(model: type[Leased]) -> None:
    lease = taken(KINDS[model]())
    leases.hold(lease, 0)
    expire(model)
    leases._keeper.renew()
    assert not leases.is_held(row_of(model))


@each_kind
def test_a_process_that_lost_its_lease_can_write_nothing(model: type[Leased]) -> None:
    take = KINDS[model]()
    lost = taken(take)
    expire(model)
    held = taken(take)
    assert held.token == lost.token + 1
    before = row_of(model)
    ran: list[str] = []
    with pytest.raises(LeaseLostError), leases.fenced(lost, lease_until=None):
        ran.append("fenced")
    assert not leases.write(lost, lease_until=None)
    assert not leases.give_back(lost)
    with leases.working(lost), leases.fenced(lost):
        ran.append("working")
    assert ran == []
    assert (row_of(model).lease_until, row_of(model).lease_token) == (before.lease_until, held.token)
    with leases.fenced(held):
        pass


@each_kind
def test_a_row_that_ended_takes_no_more_writes(model: type[Leased]) -> None:
    lease = taken(KINDS[model]())
    with leases.fenced(lease, lease_until=None):
        pass
    assert not leases.write(lease)
    assert row_of(model).lease_until is None


@each_kind
def test_a_process_that_stops_gives_its_rows_back_at_once(model: type[Leased]) -> None:
    take = KINDS[model]()
    lease = taken(take)
    assert leases.release_all() == 1
    assert leases.is_stopping()
    assert not leases.write(lease)
    assert leases.take_over() == 0
    assert taken(take).token == lease.token + 2


@each_kind
def test_work_that_the_database_interrupts_is_free_at_once(model: type[Leased]) -> None:
    def fail() -> None:
        raise OperationalError("database is locked")

    take = KINDS[model]()
    with leases.working(taken(take)):
        fail()
    taken(take)


@each_kind
def test_the_rows_of_a_dead_process_are_taken_over(model: type[Leased], monkeypatch: Any) -> None:
    take = KINDS[model]()
    lease = taken(take)
    assert leases.take_over() == 0  # its own
    monkeypatch.setattr(leases, "OWNER", "the next process")
    assert leases.take_over() == 1
    assert not leases.write(lease)
    assert taken(take).token == lease.token + 2
    assert row_of(model).lease_owner == "the next process"


@each_kind
@pytest.mark.django_db(transaction=True)
def test_of_several_claimers_one_gets_the_row(model: type[Leased]) -> None:
    take = KINDS[model]()
    found: list[leases.Lease | None] = []
    start = threading.Barrier(4)

    def claim() -> None:
        try:
            start.wait()
            found.append(take())
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len([lease for lease in found if lease is not None])) == (4, 1)
    assert row_of(model).lease_token == 1


@pytest.mark.django_db(transaction=True)
def test_rewrites_of_the_version_before_keep_their_pause_and_their_claim() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    later = timezone.now() + timedelta(minutes=1)
    executor = MigrationExecutor(connection)
    executor.migrate([("progressions", "0011_idempotency_keys")])
    old = executor.loader.project_state([("progressions", "0011_idempotency_keys")]).apps
    rewrites = old.get_model("progressions", "Rewrite").objects
    try:
        rewrites.create(digest="new")
        rewrites.create(digest="failed", fault="Fake: 503", lease_until=later)
        rewrites.create(digest="asked", lease_until=later)
        rewrites.create(digest="written", text="A barn.")
    finally:
        MigrationExecutor(connection).migrate(newest)
    rows = {row.digest: (row.lease_until, row.not_before, row.lease_token) for row in Rewrite.objects.all()}
    assert rows == {
        "new": (None, None, 0), "failed": (None, later, 0), "asked": (later, None, 1), "written": (None, None, 0),
    }  # fmt: skip
