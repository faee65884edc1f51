"""The kinds of work and the providers that tips may name.

The app that does the work is above this one, so dali.admin passes them in.
"""

import re
from collections.abc import Callable, Mapping

# A tip's key: a provider, a dot and a subject.
TIP_KEY = re.compile(r"[a-z0-9_-]+\.[a-z0-9]+(?:[.-][a-z0-9]+)*")
_kinds: tuple[str, ...] = ()
_providers: Callable[[], Mapping[str, str]] = dict


def configure(*, kinds: tuple[str, ...], providers: Callable[[], Mapping[str, str]]) -> None:
    """Sets the kinds of work, and the function that returns the providers' titles by name."""
    global _kinds, _providers
    _kinds, _providers = kinds, providers


def kinds() -> tuple[str, ...]:
    """The kinds of work, in the order to offer them."""
    return _kinds


def providers() -> list[str]:
    """The names of the providers, sorted."""
    return sorted(_providers())


def title_of(provider: str) -> str:
    """The provider's title; its name if the provider is unknown."""
    return _providers().get(provider, provider)
