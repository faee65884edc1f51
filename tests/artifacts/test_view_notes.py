"""Notes of visits in Redis: what is lost on its way is found there, and what is a row is forgotten."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery_batches import Batches
from django.test import RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from artifacts import tasks, view_notes
from artifacts.models import Artifact, ArtifactView
from artifacts.view_notes import Notes, find_notes
from artifacts.viewlog import View, view_of
from dali.lib.clock import Deadline

needs_redis = pytest.mark.skipif("REDIS_URL" not in os.environ, reason="REDIS_URL names no Redis")


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    """Notes of this test's own, used by the tasks."""
    url = os.environ["REDIS_URL"]
    monkeypatch.setattr(view_notes, "KEY", "dali.views.of-a-test")
    made = Notes(url)
    monkeypatch.setattr(tasks, "_notes", made)
    yield made
    Redis.from_url(url).delete(view_notes.KEY)


def visit(artifact: Artifact, *, ago_s: float = 0.0) -> View:
    """A visit so long ago."""
    moment = timezone.now() - timedelta(seconds=ago_s)
    return {**view_of(RequestFactory().get("/"), artifact), "timestamp": moment.isoformat()}


@needs_redis
@pytest.mark.django_db
def test_a_visit_whose_message_was_lost_becomes_a_row_once_it_is_old(
    publish: Callable[..., Artifact], notes: Notes, settings: Settings
) -> None:
    settings.VIEWS_REDELIVERY_S = 60
    artifact = publish()
    old, young = visit(artifact, ago_s=61), visit(artifact, ago_s=5)
    notes.keep(old)
    notes.keep(young)
    tasks.write_left_behind()
    assert [str(row.id) for row in ArtifactView.objects.all()] == [old["id"]]
    assert list(notes.left_behind(older_than_s=0)) == [[young]]


@needs_redis
@pytest.mark.django_db
def test_a_visit_that_became_a_row_is_forgotten(publish: Callable[..., Artifact], notes: Notes) -> None:
    view = visit(publish())
    notes.keep(view)
    tasks.log_views.apply(kwargs={"views": [view]})
    assert [str(row.id) for row in ArtifactView.objects.all()] == [view["id"]]
    assert list(notes.left_behind(older_than_s=-60)) == []


@needs_redis
@pytest.mark.django_db
def test_many_are_written_in_batches(publish: Callable[..., Artifact], notes: Notes) -> None:
    artifact = publish()
    for _ in range(1200):
        notes.keep(visit(artifact, ago_s=600))
    tasks.write_left_behind()
    assert ArtifactView.objects.count() == 1200
    assert list(notes.left_behind(older_than_s=0)) == []


@pytest.mark.django_db
def test_a_redis_that_is_away_neither_stops_a_batch_nor_the_sweep(
    publish: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_notes", Notes("redis://127.0.0.1:1/0"))
    tasks.log_views.apply(kwargs={"views": [visit(publish())]})
    tasks.write_left_behind()
    assert ArtifactView.objects.count() == 1


def test_the_notes_are_looked_through_now_and_then() -> None:
    notes = Notes("redis://127.0.0.1:1/0")
    assert [notes.is_look_due(), notes.is_look_due()] == [True, False]
    notes._next_look = Deadline.after(0)
    assert notes.is_look_due()


@pytest.mark.parametrize(
    ("url", "is_kept"),
    [("redis://127.0.0.1:6379/0", True), ("rediss://cache/1", True), ("memory://localhost/", False)],
)
def test_notes_are_kept_where_the_task_queue_is_a_redis(url: str, is_kept: bool, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = url
    assert (find_notes() is not None) == is_kept


class Message:
    """As much of a message as is looked at."""

    def __init__(self, views: int) -> None:
        self.headers = {"dali_views": views}


def test_a_batch_is_full_by_its_views_not_by_its_messages(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VIEWS_BATCH = 100
    taken: list[Any] = []
    full: list[int] = []
    batches = tasks.ViewBatches()
    monkeypatch.setattr(Batches, "Strategy", lambda *args: lambda message, *rest: taken.append(message))
    monkeypatch.setattr(batches, "_do_flush", lambda: full.append(len(taken)))
    take = batches.Strategy(batches, None, None)  # type: ignore[arg-type]  # not looked at
    for views in (50, 49, 1):
        take(Message(views))
    assert full == [3]
