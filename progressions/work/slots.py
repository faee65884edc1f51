"""How many calls this process has under way with each provider, and which providers take no more for now.

A slot is held from the claim of a variant until the provider's answer is stored. Nobody waits for one: a claim
passes over the variants of providers that are full, and `freed` tells whoever can send for a thread that one of them
has room again.
"""

import threading
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager

from django.dispatch import Signal

from dali.lib.db.connections import release_db_connection
from progressions.provider import providers

# A slot came free (of which somebody may have been passed over): `provider`. Sent in the thread that freed it.
freed = Signal()

_gate = threading.Lock()
_lock = threading.Lock()
_held: dict[Hashable, str] = {}
_passed_over: set[str] = set()


@contextmanager
def gate() -> Iterator[None]:
    """One thread at a time finds out what is full and takes a slot by what it found, so that the limit is exact.

    A claim asks the database inside, and may wait there for one of the pool's connections. So no thread waits for the
    gate with a connection in its hands: it gives its own back first.
    """
    release_db_connection()
    with _gate:
        yield


def limits() -> dict[str, int]:
    """The most calls that may be under way, for each provider that has a limit and can be called."""
    found = {}
    for provider in providers.all():
        most = provider.concurrency()
        if most is not None and not provider.missing():
            found[provider.name] = most
    return found


def full(most: dict[str, int]) -> list[str]:
    """Those of the limited providers that take no more now; they are remembered as passed over."""
    with _lock:
        names = [name for name, limit in most.items() if _count(name) >= limit]
        _passed_over.update(names)
        return names


def under_way(provider: str) -> int:
    """How many slots of a provider are held."""
    with _lock:
        return _count(provider)


def hold(holder: Hashable, provider: str) -> None:
    """Takes a slot for as long as the holder does not free it. The caller is in the `gate` and has looked at `full`."""
    with _lock:
        _held[holder] = provider


def holds(holder: Hashable) -> bool:
    """Whether the holder has a slot."""
    with _lock:
        return holder in _held


def has_taken(holder: Hashable, provider: str) -> bool:
    """Takes a slot for a holder that may have none; False where the provider is full."""
    if holds(holder):
        return True
    with gate():
        most = limits()
        if provider in full(most):
            return False
        if provider in most:
            hold(holder, provider)
    return True


def free(holder: Hashable) -> None:
    """Gives the holder's slot back, where it has one, and says so where variants may have been passed over."""
    with _lock:
        provider = _held.pop(holder, None)
        is_awaited = provider in _passed_over
    if provider is not None and is_awaited:
        freed.send(sender=None, provider=provider)


def nothing_left(except_of: Collection[str]) -> None:
    """Nothing is due but of these providers: no message is needed when another's slot comes free."""
    with _lock:
        _passed_over.intersection_update(except_of)


def _count(provider: str) -> int:
    return sum(name == provider for name in _held.values())
