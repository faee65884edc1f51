"""Registries of plug-ins: every class that implements a contract, found in a folder or an entry point."""

import importlib
import inspect
import pkgutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec
from types import ModuleType
from typing import ClassVar, Generic, Protocol, TypeVar

from django.conf import settings

from dali.lib.errors import DaliError


class Plugin(Protocol):
    """What a registry needs of a plug-in: the name that clients and settings use."""

    name: ClassVar[str]


class Configurable:
    """A plug-in that needs settings."""

    # Environment variables that must be set. The setting has the same name, without a leading `DALI_`.
    required_settings: ClassVar[tuple[str, ...]] = ()

    def missing(self) -> list[str]:
        """Names of the required settings that are not set; empty if the plug-in is configured."""
        return [name for name in self.required_settings if not getattr(settings, name.removeprefix("DALI_"))]


P = TypeVar("P", bound=Plugin)


class UnknownPluginError(DaliError):
    """No plug-in has this name; the message lists those that exist."""


def plugin_modules(package: str, file: str) -> list[ModuleType]:
    """Imports `<package>/<any folder>/<file>.py`, sorted by folder."""
    folders = pkgutil.iter_modules(importlib.import_module(package).__path__)
    names = [f"{package}.{folder.name}.{file}" for folder in folders if folder.ispkg]
    return [importlib.import_module(name) for name in names if find_spec(name)]


class Registry(Generic[P]):
    """The plug-ins of one contract, one instance each, by name.

    They come from `<package>/<any folder>/<file>.py` and from the entry points of `group`, for plug-ins in other
    distributions. They are imported when the registry is first used, not with this module.
    """

    def __init__(self, contract: type[P], package: str, file: str, *, group: str) -> None:
        self._contract = contract
        self._package = package
        self._file = file
        self._group = group
        self._lock = threading.Lock()
        self._plugins: dict[str, P] | None = None

    def all(self) -> list[P]:
        """All plug-ins, sorted by name."""
        return [plugin for _, plugin in sorted(self._load().items())]

    def names(self) -> list[str]:
        """The names of all plug-ins, sorted."""
        return sorted(self._load())

    def get(self, name: str) -> P:
        """The plug-in with this name. Raises UnknownPluginError."""
        try:
            return self._load()[name]
        except KeyError:
            known = ", ".join(self.names())
            raise UnknownPluginError(f"'{name}' is not known; known: {known}") from None

    @contextmanager
    def register_temporarily(self, plugin: P) -> Iterator[P]:
        """Adds or replaces a plug-in during a `with` block; for tests and benchmarks."""
        before = self._load()
        self._plugins = {**before, plugin.name: plugin}
        try:
            yield plugin
        finally:
            self._plugins = before

    def _load(self) -> dict[str, P]:
        if self._plugins is None:
            with self._lock:
                if self._plugins is None:
                    self._plugins = self._discover()
        return self._plugins

    def _discover(self) -> dict[str, P]:
        modules = plugin_modules(self._package, self._file)
        modules += [point.load() for point in entry_points(group=self._group)]
        plugins: dict[str, P] = {}
        for module in modules:
            for member in vars(module).values():
                if (
                    isinstance(member, type)
                    and issubclass(member, self._contract)
                    and member.__module__ == module.__name__
                ):
                    self._refuse_unfinished(member)
                    plugin = member()
                    if plugin.name in plugins:
                        raise DaliError(f"two plug-ins of {self._group} are called '{plugin.name}'")
                    plugins[plugin.name] = plugin
        return plugins

    def _refuse_unfinished(self, found: type[P]) -> None:
        """Reports an incomplete class instead of ignoring it."""
        declared = inspect.get_annotations(self._contract)
        lacking = [
            *sorted(getattr(found, "__abstractmethods__", ())),
            *(name for name in declared if not hasattr(found, name)),
        ]
        if lacking:
            raise DaliError(f"{found.__module__}.{found.__name__} lacks {', '.join(lacking)}")
