"""How many calls this process has under way with each provider, and which providers are full.

A slot is held from the claim of a variant until the provider's answer is stored. No thread waits for a slot: a claim
skips variants of full providers, and the signal `freed` says that a provider has room again.
"""

import threading
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager

from django.dispatch import Signal

from dali.lib.db.connections import release_db_connection
from progressions.provider import providers

# A slot of `provider` came free, and a claim may have skipped its variants. Sent in the thread that freed it.
freed = Signal()

_gate = threading.Lock()
_lock = threading.Lock()
_held: dict[Hashable, str] = {}
_passed_over: set[str] = set()


@contextmanager
def gate() -> Iterator[None]:
    """Lets one thread at a time check which providers are full and take a slot, so that the limit is exact.

    A claim queries the database inside, and may wait there for a connection of the pool. So a thread releases its own
    connection before it waits for the gate.
    """
    release_db_connection()
    with _gate:
        yield


def limits() -> dict[str, int]:
    """The limit of calls under way, for each provider that has one and can be called."""
    found = {}
    for provider in providers.all():
        most = provider.concurrency()
        if most is not None and not provider.missing():
            found[provider.name] = most
    return found


def full(most: dict[str, int]) -> list[str]:
    """The limited providers that are full now; they are remembered as skipped."""
    with _lock:
        names = [name for name, limit in most.items() if _count(name) >= limit]
        _passed_over.update(names)
        return names


def under_way(provider: str) -> int:
    """How many slots of a provider are held."""
    with _lock:
        return _count(provider)


def hold(holder: Hashable, provider: str) -> None:
    """Takes a slot until the holder frees it. The caller is in the `gate` and has checked `full`."""
    with _lock:
        _held[holder] = provider


def has_taken(holder: Hashable, provider: str) -> bool:
    """Takes a slot unless the holder has one already; False if the provider is full."""
    with _lock:
        if holder in _held:
            return True
    with gate():
        most = limits()
        if provider in full(most):
            return False
        if provider in most:
            hold(holder, provider)
    return True


def free(holder: Hashable) -> None:
    """Frees the holder's slot, if it has one, and sends `freed` if variants may have been skipped."""
    with _lock:
        provider = _held.pop(holder, None)
        is_awaited = provider in _passed_over
    if provider is not None and is_awaited:
        freed.send(sender=None, provider=provider)


def nothing_left(except_of: Collection[str]) -> None:
    """Only variants of these providers are due: a free slot of another provider needs no message."""
    with _lock:
        _passed_over.intersection_update(except_of)


def _count(provider: str) -> int:
    return sum(name == provider for name in _held.values())
