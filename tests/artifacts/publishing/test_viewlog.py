"""The view log: a line before the response, rows later, and what happens to views when disk or database fail."""

import errno
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from artifacts.models import Artifact, ArtifactView
from artifacts.publishing import viewlog
from artifacts.publishing.view_rows import View
from artifacts.publishing.viewlog import ViewLog
from dali.lib.files import disk
from dali.lib.files.spool import Spool
from tests.clients import anonymous
from tests.waiting import PATIENCE_S, wait_until


def a_view(number: int) -> View:
    """A view with an id that is easy to read."""
    return {"id": str(number)}  # type: ignore[typeddict-item] # the other fields do not matter


class Rows:
    """Stores views like a database that can be down, or refuse some views."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.is_away = False
        self.refused: set[str] = set()

    def write(self, views: Sequence[View]) -> None:
        """Stores all views, or none."""
        if self.is_away:
            raise OperationalError
        ids = [view["id"] for view in views]
        if self.refused.intersection(ids):
            raise DataError
        self.taken += ids


@pytest.fixture
def rows() -> Rows:
    """A database."""
    return Rows()


@pytest.fixture
def log(tmp_path: Path, rows: Rows) -> Iterator[ViewLog]:
    """A view log whose thread is not started."""
    log = ViewLog(Spool(tmp_path / "views"), rows.write, flush_s=0.01)
    yield log
    log.stop(within_s=PATIENCE_S)


def full(monkeypatch: pytest.MonkeyPatch, log: ViewLog) -> None:
    """Makes the disk of the view log full."""

    def append(line: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(log._spool, "append", append)


@pytest.mark.django_db
def test_a_view_is_in_a_file_before_the_response_is_made(
    publish: Callable[..., Artifact], views: Callable[[], int], tmp_path: Path
) -> None:
    artifact = publish()
    Client().get(f"/public/lookbook/{artifact.public_slug}", headers={"User-Agent": "Firefox/140.0"})
    (file,) = (tmp_path / "views").iterdir()
    (line,) = file.read_text().splitlines()
    view = json.loads(line)
    assert (view["artifact_id"], view["user_agent"]) == (str(artifact.pk), "Firefox/140.0")
    assert ArtifactView.objects.count() == 0
    assert (views(), str(ArtifactView.objects.get().pk)) == (1, view["id"])


def test_views_are_written_in_batches_in_order(log: ViewLog, rows: Rows) -> None:
    for number in range(1200):
        log.note(a_view(number))
    assert log.write_out()
    assert rows.taken == [str(number) for number in range(1200)]
    assert log.write_out()
    assert len(rows.taken) == 1200


def test_a_database_that_was_down_gets_the_views_when_it_is_back(log: ViewLog, rows: Rows) -> None:
    rows.is_away = True
    for number in range(10):
        log.note(a_view(number))
        assert not log.write_out()
    rows.is_away = False
    assert log.write_out()
    assert rows.taken == [str(number) for number in range(10)]


def test_many_failed_writes_leave_no_more_files_than_there_are_views(
    log: ViewLog, rows: Rows, tmp_path: Path
) -> None:
    rows.is_away = True
    log.note(a_view(0))
    for number in range(1, 50):
        log.write_out()
        log.note(a_view(number))
    assert len(list((tmp_path / "views").iterdir())) == 2
    rows.is_away = False
    assert log.write_out()
    assert (len(rows.taken), list((tmp_path / "views").iterdir())) == (50, [])


def test_a_view_that_the_database_refuses_does_not_block_the_others(log: ViewLog, rows: Rows) -> None:
    rows.refused = {"3"}
    for number in range(6):
        log.note(a_view(number))
    assert log.write_out()
    assert rows.taken == ["0", "1", "2", "4", "5"]


@pytest.mark.django_db
def test_lines_that_are_not_views_do_not_block_the_others(
    publish: Callable[..., Artifact], restart: Callable[[], ViewLog], tmp_path: Path
) -> None:
    log = restart()
    address = f"/public/lookbook/{publish().public_slug}"
    Client().get(address)
    (file,) = (tmp_path / "views").iterdir()
    good = json.loads(file.read_text())
    strange = [{}, {**good, "id": "no id"}, {**good, "timestamp": 5}, {**good, "artifact_id": None}, [], 7]
    with file.open("ab") as lines:
        lines.writelines(json.dumps(line).encode() + b"\n" for line in strange)
        lines.write(b"\x00\x00\xff\n{\n")
    Client().get(address)
    assert log.write_out()
    assert ArtifactView.objects.count() == 2


def test_a_full_disk_keeps_views_in_memory_until_they_are_written(
    log: ViewLog, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(monkeypatch, log)
    for number in range(1200):
        log.note(a_view(number))
    rows.is_away = True
    assert not log.write_out()
    rows.is_away = False
    assert log.write_out()
    assert rows.taken == [str(number) for number in range(1200)]


def test_memory_is_bounded_and_the_log_counts_dropped_views(
    log: ViewLog, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(viewlog, "log", Lines(said))
    monkeypatch.setattr(viewlog, "MOST_HELD", 3)
    full(monkeypatch, log)
    for number in range(5):
        log.note(a_view(number))
    assert log.write_out()
    assert rows.taken == ["0", "1", "2"]
    assert said == [
        {"event": "views_held_in_memory", "reason": "the disk is full; free some space"},
        {"event": "views_dropped", "views": 2},
    ]


class Lines:
    """A log whose lines are kept."""

    def __init__(self, said: list[dict[str, Any]]) -> None:
        self._said = said

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **words: self._said.append({"event": event, **words})


def test_a_failure_is_logged_once_when_it_begins_and_once_when_it_ends(
    log: ViewLog, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(viewlog, "log", Lines(said))
    log.note(a_view(1))
    for rows.is_away in (True, True, True, False, False):
        log.write_out()
    assert said == [{"event": "views_wait", "reason": "OperationalError"}, {"event": "views_written_again"}]


def test_the_last_disk_space_is_spared_while_the_database_is_down(
    log: ViewLog, rows: Rows, settings: Settings, tmp_path: Path
) -> None:
    settings.DISK_RESERVE_BYTES = 1 << 60
    log.note(a_view(1))
    assert (tmp_path / "views").exists()
    rows.is_away = True
    log.write_out()
    assert disk.is_below_reserve(tmp_path / "views")
    size = sum(file.stat().st_size for file in (tmp_path / "views").iterdir())
    log.note(a_view(2))
    assert sum(file.stat().st_size for file in (tmp_path / "views").iterdir()) == size
    rows.is_away = False
    assert log.write_out()
    log.note(a_view(3))
    assert len(list((tmp_path / "views").iterdir())) == 1
    assert log.write_out()
    assert rows.taken == ["1", "2", "3"]


def test_the_thread_writes_on_its_own_and_once_more_at_the_end(log: ViewLog, rows: Rows) -> None:
    log.start()
    log.note(a_view(1))
    wait_until(lambda: rows.taken == ["1"], "the view was written")
    log.note(a_view(2))
    log.stop(within_s=PATIENCE_S)
    assert rows.taken == ["1", "2"]


def test_the_thread_survives_a_failure(log: ViewLog, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [RuntimeError("a fault of ours")]

    def write(views: Sequence[View]) -> None:
        if failures:
            raise failures.pop()
        rows.write(views)

    log._write = write
    log.start()
    log.note(a_view(1))
    wait_until(lambda: rows.taken == ["1"], "the view was written")


def test_catching_up_includes_all_earlier_views(tmp_path: Path, rows: Rows) -> None:
    log = ViewLog(Spool(tmp_path / "views"), rows.write, flush_s=3600)
    assert not log.catch_up(within_s=PATIENCE_S)
    log.start()
    for number in range(20):
        log.note(a_view(number))
        assert log.catch_up(within_s=PATIENCE_S)
        assert rows.taken == [str(one) for one in range(number + 1)]
    log.stop(within_s=PATIENCE_S)
    assert not log.catch_up(within_s=PATIENCE_S)


def test_another_process_writes_what_a_killed_process_noted(tmp_path: Path, rows: Rows) -> None:
    def note() -> None:
        log = ViewLog(Spool(tmp_path / "views"), rows.write)
        for number in range(100):
            log.note(a_view(number))

    child = os.fork()
    if child == 0:
        try:
            note()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    log = ViewLog(Spool(tmp_path / "views"), rows.write)
    assert log.write_out()
    assert rows.taken == [str(number) for number in range(100)]


@pytest.mark.django_db
def test_the_api_catches_up_before_it_answers(
    publish: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch, restart: Callable[[], ViewLog]
) -> None:
    log, asked = restart(), list[float]()

    def catch_up(*, within_s: float) -> bool:
        asked.append(within_s)
        return log.write_out()

    monkeypatch.setattr(log, "catch_up", catch_up)
    monkeypatch.setattr("artifacts.api.artifacts.view_log", lambda: log)
    artifact = publish()
    for expected in (1, 2):
        Client().get(f"/public/artifact/{artifact.public_slug}")
        assert anonymous().get(f"/api/artifacts/{artifact.pk}/views").json()["total"] == expected
    assert asked == [1.0, 1.0]
