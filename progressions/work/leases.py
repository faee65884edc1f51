"""Who works on which row: fair claims, leases that end by themselves, and the fence around every write."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import F

from dali.lib.clock import Deadline
from dali.lib.db import connections
from dali.lib.db.sql import update_where
from dali.lib.files import disk
from progressions.enums import VariantStatus
from progressions.errors import LeaseLostError
from progressions.models import Job, Leased, Variant
from progressions.provider import providers
from progressions.work import claim_sql, slots

log = structlog.get_logger(__name__)

LEASE_S = 30.0
RENEW_S = 10.0
# A lease is renewed only so long: a thread that hangs outside a provider's or judge's deadline loses its row.
STEP_LIMIT_S = 120.0

OWNER = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"

_UNFINISHED = (VariantStatus.QUEUED, VariantStatus.RUNNING)
_NOT_ENDED = "status IN ('queued', 'running')"


@dataclass(frozen=True, slots=True)
class Lease:
    """This process's right to write one row, until another claim raises the row's token.

    The row has a `status` that is `queued` or `running` until it has ended.
    """

    model: type[Leased]
    id: UUID
    token: int


class _Keeper:
    """Extends all leases of the process, with one UPDATE for each table."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Lease, Deadline] = {}
        self._thread: threading.Thread | None = None

    def hold(self, lease: Lease, seconds: float) -> None:
        """Renews the lease for that many seconds more, starting the thread where none runs."""
        with self._lock:
            self._held[lease] = Deadline.after(seconds)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._renew, name="lease-keeper", daemon=True)
                self._thread.start()

    def drop(self, lease: Lease) -> None:
        """Renews the lease no longer."""
        with self._lock:
            self._held.pop(lease, None)

    def drop_all(self) -> list[Lease]:
        """Renews nothing any longer; returns what was held."""
        with self._lock:
            held = list(self._held)
            self._held.clear()
        return held

    def _renew(self) -> None:
        while True:
            time.sleep(RENEW_S)
            with self._lock:
                alive = [lease for lease, deadline in self._held.items() if not deadline.has_passed]
                if not self._held:
                    self._thread = None
                    return
            try:
                for model in {lease.model for lease in alive}:
                    ids = [lease.id for lease in alive if lease.model is model]
                    model._default_manager.filter(
                        pk__in=ids, lease_owner=OWNER, lease_until__isnull=False
                    ).update(lease_until=connections.now() + timedelta(seconds=LEASE_S))
            except Exception:  # noqa: BLE001 - the thread must outlive a database that is away for a while
                log.warning("leases_not_renewed", leases=len(alive))
            finally:
                connection.close()


_keeper = _Keeper()
_stopping = threading.Event()


def is_stopping() -> bool:
    """Whether this process takes no more rows."""
    return _stopping.is_set()


def stop_claiming() -> None:
    """Takes no more rows in this process; what is under way goes on, until `release_all` fences it off."""
    _stopping.set()


def claim_next() -> Lease | None:
    """Takes the next row there is work on: of the job served least recently, its lowest variant that is due.

    A job whose images are to be fetched is itself what is taken. Variants whose provider has as many calls under way
    as this process may have are passed over; one that is taken holds a slot until `free_slot` or its end. With little
    disk space left no variant is taken that has yet to call. None where nothing is due.
    """
    if is_stopping():
        return None
    if disk.is_short():  # what is answered already may go on, as its bytes are stored
        found = _claim([provider.name for provider in providers.all()])
        return None if found is None else found[0]
    most = slots.limits()
    if not most:
        found = _claim(())
        return None if found is None else found[0]
    with slots.gate():
        full = slots.full(most)
        found = _claim(full)
        if found is None:
            slots.nothing_left(full)
            return None
        lease, taken = found
        if taken.provider in most and not taken.is_answered:
            slots.hold(lease, taken.provider)
        return lease


def _claim(left_out: Sequence[str]) -> tuple[Lease, claim_sql.Taken] | None:
    for _ in range(20):
        now = connections.now()
        job = claim_sql.neediest_job(now, left_out)
        if job is None:
            return None
        with transaction.atomic():
            until = now + timedelta(seconds=LEASE_S)
            taken = claim_sql.take(job, owner=OWNER, now=now, until=until, left_out=left_out)
        if taken is not None:
            lease = Lease(Job if job.is_ingest else Variant, taken.id, taken.token)
            _keeper.hold(lease, STEP_LIMIT_S)
            return lease, taken
    return None  # others were faster each time; they or the sweep come back to what is left


@contextmanager
def fenced(lease: Lease, **fields: object) -> Iterator[None]:
    """A transaction that writes `fields` to the leased row, and whatever its block writes, or nothing at all.

    Raises LeaseLostError, before the block, where the row has another token or has ended.
    """
    until = connections.now() + timedelta(seconds=LEASE_S)
    with transaction.atomic():
        held = {"id": lease.id, "lease_token": lease.token}
        if not update_where(lease.model, {"lease_until": until, **fields}, held, _NOT_ENDED):
            raise LeaseLostError(f"{lease.model.__name__.lower()} {lease.id} belongs to another worker now")
        yield


def extend(lease: Lease, seconds: float) -> None:
    """Lets the lease be renewed for that many seconds from now: the deadline of what is done under it."""
    _keeper.hold(lease, seconds)


def forget(lease: Lease) -> None:
    """Ends the renewal of a lease whose row has ended, waits or is lost, and frees what it holds."""
    _keeper.drop(lease)
    slots.free(lease)


def free_slot(lease: Lease) -> None:
    """The provider has answered and its answer is stored: another variant may call it."""
    slots.free(lease)


def has_slot(lease: Lease, provider: str) -> bool:
    """Whether the row may call its provider now; takes a slot where it has none."""
    return slots.has_taken(lease, provider)


def give_back(lease: Lease) -> bool:
    """Frees a row for the next claim and fences this lease off; False where it was lost already."""
    forget(lease)
    freed = lease.model._default_manager.filter(
        pk=lease.id, lease_token=lease.token, lease_until__isnull=False
    ).update(lease_until=None, lease_token=F("lease_token") + 1, nudged_at=None)
    return bool(freed)


def release_all() -> int:
    """Gives every row this process holds back at once, fences its threads off and takes no more; returns how many."""
    _stopping.set()
    return sum(give_back(lease) for lease in _keeper.drop_all())


def take_over() -> int:
    """Voids the leases of every other process; returns how many rows became free.

    Only for one who knows that no other process lives: the embedded server, which holds the lock on its
    data directory.
    """
    _stopping.clear()
    freed = 0
    for model in (Job, Variant):
        freed += (
            model._default_manager.filter(status__in=_UNFINISHED, lease_until__isnull=False)
            .exclude(lease_owner=OWNER)
            .update(lease_until=None, lease_token=F("lease_token") + 1)
        )
        model._default_manager.filter(status__in=_UNFINISHED).update(nudged_at=None)
    return freed
