"""The kinds of work and the providers that tips may speak of.

The app that does the work knows them, and this one does not know that app: the wiring tells (dali.admin).
"""

import re
from collections.abc import Callable, Sequence

# A tip's key: a provider, a dot and a subject.
TIP_KEY = re.compile(r"[a-z0-9_-]+\.[a-z0-9]+(?:[.-][a-z0-9]+)*")
_kinds: tuple[str, ...] = ()
_providers: Callable[[], Sequence[str]] = tuple


def tell(*, kinds: tuple[str, ...], providers: Callable[[], Sequence[str]]) -> None:
    """Sets the kinds of work, and the function that names the providers when asked."""
    global _kinds, _providers
    _kinds, _providers = kinds, providers


def kinds() -> tuple[str, ...]:
    """The kinds of work, in the order to offer them."""
    return _kinds


def providers() -> list[str]:
    """The names of the providers that can be asked for images, sorted."""
    return sorted(_providers())
