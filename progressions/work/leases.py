"""Leases: one process at a time works on a row, its lease ends by itself, and every write is fenced.

One mechanism for every model that is `Leased`. Each kind of row says only which rows are due and what to do with one.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.apps import apps
from django.db import Error as DatabaseFailure
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from dali.lib.clock import Deadline
from dali.lib.db import connections
from dali.lib.db.errors import classify
from dali.lib.db.sql import update_where
from progressions.errors import LeaseLostError
from progressions.models import Leased, Queued
from progressions.work import slots, wakeups

log = structlog.get_logger(__name__)

LEASE_S = 30.0
RENEW_S = 10.0
# A lease is renewed only so long: a thread that hangs outside a provider's or judge's deadline loses its row.
STEP_LIMIT_S = 120.0
# Until work that the database interrupted is looked for again.
AGAIN_S = 0.5
# How many due rows a claim tries when other processes are faster.
_TRIES = 5

OWNER = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"

_Row = TypeVar("_Row", bound=Leased)


@dataclass(frozen=True, slots=True)
class Lease:
    """This process's right to write one row, until another claim raises the row's token.

    Code that ends or postpones the row sets its `lease_until` to null, which ends this right too.
    """

    model: type[Leased]
    id: Any  # the row's primary key
    token: int


class _Keeper:
    """Extends all leases of the process, with one UPDATE for each table."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Lease, Deadline] = {}
        self._thread: threading.Thread | None = None

    def hold(self, lease: Lease, seconds: float) -> None:
        """Renews the lease for that many seconds more, and starts the thread if it is not running."""
        with self._lock:
            self._held[lease] = Deadline.after(seconds)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
                self._thread.start()

    def drop(self, lease: Lease) -> None:
        """Stops renewing the lease."""
        with self._lock:
            self._held.pop(lease, None)

    def drop_all(self) -> list[Lease]:
        """Stops renewing all leases; returns them."""
        with self._lock:
            held = list(self._held)
            self._held.clear()
        return held

    def renew(self) -> None:
        """Extends every lease whose work is within its time."""
        with self._lock:
            alive = [lease for lease, deadline in self._held.items() if not deadline.has_passed]
        for model in {lease.model for lease in alive}:
            ids = [lease.id for lease in alive if lease.model is model]
            rows = model._default_manager.filter(pk__in=ids, lease_owner=OWNER, lease_until__isnull=False)
            rows.update(lease_until=_lease_end())

    def _run(self) -> None:
        while True:
            time.sleep(RENEW_S)
            with self._lock:
                if not self._held:
                    self._thread = None
                    return
            try:
                self.renew()
            except Exception as error:  # noqa: BLE001 - the thread must outlive a database that is away for a while
                log.warning("leases_not_renewed", error=type(error).__name__)
            finally:
                connection.close()


_keeper = _Keeper()
_stopping = threading.Event()


def is_stopping() -> bool:
    """Whether this process takes no more rows."""
    return _stopping.is_set()


def stop_claiming() -> None:
    """Takes no more rows in this process; work under way continues until `release_all` fences it off."""
    _stopping.set()


def unheld() -> Q:
    """Rows that no process holds, or whose process died."""
    return Q(lease_until=None) | Q(lease_until__lt=connections.now())


def is_held(row: Leased) -> bool:
    """Whether a process holds the row, as it was read."""
    return row.lease_until is not None and row.lease_until >= connections.now()


def claim(due: QuerySet[_Row], seconds: float = STEP_LIMIT_S, **fields: object) -> Lease | None:
    """Takes the first unheld row of `due`, in its order, and writes `fields` to it; None if there is none.

    The lease is renewed for that many seconds, unless `hold` says otherwise, until `forget` or `give_back`.
    Variants and ingests have a faster claim of their own (`progressions.work.claims`).
    """
    for pk, token in due.filter(unheld()).values_list("pk", "lease_token")[:_TRIES]:
        rows = due.filter(unheld(), pk=pk, lease_token=token)
        if rows.update(**{**fields, **new_lease(), "lease_token": token + 1}):
            return hold(Lease(due.model, pk, token + 1), seconds)
    return None


def new_lease() -> dict[str, Any]:
    """The columns of a row that this process holds from the start: insert them, then `hold` the lease of token 1."""
    return {"lease_owner": OWNER, "lease_until": _lease_end(), "lease_token": 1}


def hold(lease: Lease, seconds: float) -> Lease:
    """Renews the lease for that many seconds from now: the time limit of the work that is done under it."""
    _keeper.hold(lease, seconds)
    return lease


def write(lease: Lease, **fields: object) -> bool:
    """Writes `fields` to the row and extends the lease; False if the lease was lost, and nothing is written."""
    held = {lease.model._meta.pk.name: lease.id, "lease_token": lease.token}
    values = {"lease_until": _lease_end(), **fields}
    return bool(update_where(lease.model, values, held, "lease_until IS NOT NULL"))


@contextmanager
def fenced(lease: Lease, **fields: object) -> Iterator[None]:
    """A transaction that writes `fields` to the leased row, and whatever its block writes, or nothing at all.

    Raises LeaseLostError, before the block, if another process took the row, or the row ended or was put off.
    """
    with transaction.atomic():
        if not write(lease, **fields):
            raise LeaseLostError(f"{lease.model.__name__.lower()} {lease.id} belongs to another worker now")
        yield


def forget(lease: Lease) -> None:
    """Stops renewing a lease whose row has ended, waits or is lost, and frees its provider slot."""
    _keeper.drop(lease)
    slots.free(lease)


@contextmanager
def working(lease: Lease) -> Iterator[None]:
    """The work under a lease: it ends quietly if the lease is lost or the database fails, and frees what it holds."""
    try:
        yield
    except LeaseLostError:
        log.info("lease_lost")
    except DatabaseFailure as error:
        # Away, or it ended this transaction, which waited too long for a lock: the row says where the work is.
        if (trouble := classify(error)) is None:
            raise
        log.warning("database_failed", trouble=trouble.value, error=str(error)[:500])
        _free_at_once(lease)
    finally:
        forget(lease)


def _free_at_once(lease: Lease) -> None:
    try:
        give_back(lease)
    except DatabaseFailure as error:
        log.warning("lease_left_to_end", error=type(error).__name__)
    else:
        wakeups.wake_after(AGAIN_S)


def give_back(lease: Lease) -> bool:
    """Frees a row for the next claim and fences this lease off; False if it was lost already."""
    forget(lease)
    rows = lease.model._default_manager.filter(
        pk=lease.id, lease_token=lease.token, lease_until__isnull=False
    )
    return bool(rows.update(**_freed(lease.model)))


def release_all() -> int:
    """Gives every row this process holds back at once, fences its threads off and takes no more; returns how many."""
    _stopping.set()
    return sum(give_back(lease) for lease in _keeper.drop_all())


def take_over() -> int:
    """Voids the leases of every other process; returns how many rows became free.

    Only for a process that knows that no other lives: the embedded server, which holds the lock on its data directory.
    """
    _stopping.clear()
    return sum(
        model._default_manager.filter(lease_until__isnull=False)
        .exclude(lease_owner=OWNER)
        .update(**_freed(model))
        for model in apps.get_models()
        if issubclass(model, Leased)
    )


def _freed(model: type[Leased]) -> dict[str, Any]:
    nudged = {"nudged_at": None} if issubclass(model, Queued) else {}
    return {"lease_until": None, "lease_token": F("lease_token") + 1, **nudged}


def _lease_end() -> datetime:
    return connections.now() + timedelta(seconds=LEASE_S)
