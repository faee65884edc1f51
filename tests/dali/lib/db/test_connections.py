"""The database's clock, which every process uses instead of its own; and the release of connections."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from dali.lib.db import connections
from dali.lib.db.postgresql.waits import bounded_waits
from dali.lib.pictures.images import CPU_GATE, on_pixel_thread

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite uses the clock of its process and has no pool"
)


@pytest.fixture(autouse=True)
def _fresh_clock() -> Iterator[None]:
    connections.forget_clock()
    yield
    connections.forget_clock()


@pytest.mark.django_db
def test_the_time_is_aware_and_close_to_this_machines() -> None:
    assert abs((connections.now() - timezone.now()).total_seconds()) < 5
    assert connections.now().tzinfo is not None


@on_postgresql
@pytest.mark.django_db
def test_a_wrong_local_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=45))
    monkeypatch.setattr(time, "time", lambda: real().timestamp() + 45)
    assert abs((connections.now() - real()).total_seconds()) < 5


@on_postgresql
@pytest.mark.django_db
def test_the_database_is_asked_only_now_and_then_and_the_time_advances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments: list[datetime] = [connections.now()]
    with monkeypatch.context() as patch:
        patch.setattr(connection, "ensure_connection", lambda: pytest.fail("the database was asked again"))
        moments += [connections.now() for _ in range(100)]
    assert moments == sorted(moments)
    assert moments[-1] > moments[0]


@on_postgresql
@pytest.mark.django_db
def test_small_clock_differences_are_smoothed_and_large_ones_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_AGAIN_S", 0.0)
    moments = [connections.now() for _ in range(200)]
    assert moments == sorted(moments), "the clock is read each time, and never goes back"
    real = time.monotonic
    connections.now()
    monkeypatch.setattr(time, "monotonic", lambda: real() + 60)  # as after a machine was suspended
    assert abs((connections.now() - timezone.now()).total_seconds()) < 5


@on_postgresql
@pytest.mark.django_db
def test_a_database_that_is_down_before_the_first_reading_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise OperationalError("away")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    with pytest.raises(OperationalError):
        connections.now()


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_no_thread_holds_a_connection_while_it_waits_for_pixels() -> None:
    connection.ensure_connection()
    with CPU_GATE:
        assert connection.connection is None
    connection.ensure_connection()
    assert on_pixel_thread(lambda: 7) == 7
    assert connection.connection is None


def test_every_timeout_of_a_connection_has_a_default_that_an_operator_may_change() -> None:
    bounds = bounded_waits({"options": "-c lock_timeout=9s", "connect_timeout": 30, "sslmode": "require"})
    assert bounds["options"] == (
        "-c lock_timeout=4s -c idle_in_transaction_session_timeout=15s -c lock_timeout=9s"
    )
    assert (bounds["connect_timeout"], bounds["sslmode"], bounds["keepalives"]) == (30, "require", 1)
    assert bounded_waits({})["connect_timeout"] == 5


@on_postgresql
@pytest.mark.django_db
def test_the_timeouts_apply_to_a_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
        )
        assert cursor.fetchone() == ("4s", "15s")
