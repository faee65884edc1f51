"""Typed readers of the environment. Each read declares its variable; docs/settings.md is made from that."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

from dali.lib.logs import hide

T = TypeVar("T")

_environ = environ.Env()
_SCHEMES = ("postgresql://", "postgres://", "sqlite:///")


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: what it is called, what it holds and what it is for."""

    name: str
    type: str
    default: str
    help: str
    group: str
    secret: bool


VARIABLES: dict[str, Variable] = {}
_group = "General"


def group(title: str) -> None:
    """Opens a heading in docs/settings.md; the variables read after it stand below it."""
    global _group  # noqa: PLW0603 - settings are read top to bottom, once
    _group = title


def load_file(path: Path) -> None:
    """Reads a file of `NAME=value` lines, where there is one; the real environment wins."""
    if path.is_file():
        environ.Env.read_env(path)


def text(name: str, default: str = "", *, help: str, secret: bool = False, shown: str | None = None) -> str:
    """A string. `secret` ones are never shown; `shown` describes a default that is worked out."""
    _declare(name, "text", default if shown is None else shown, help, secret=secret)
    value = _raw(name, default)
    if secret:
        hide(value)
    return value


def choice(name: str, default: str, choices: tuple[str, ...], *, help: str) -> str:
    """One of a few words; anything else stops the start, naming the variable and the choices."""
    _declare(name, " or ".join(f"`{word}`" for word in choices), default, help)
    value = _raw(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: must be one of {', '.join(choices)}")
    return value


def integer(name: str, default: int, *, help: str, least: int = 0, most: int | None = None) -> int:
    """A whole number within bounds; ImproperlyConfigured, naming variable and bounds, where not."""
    _declare(name, "integer", str(default), help)
    value = _read(name, int, default, "a whole number")
    return int(_bounded(name, value, least, most))


def number(name: str, default: float, *, help: str, least: float = 0, most: float | None = None) -> float:
    """A number within bounds; ImproperlyConfigured, naming variable and bounds, where not."""
    _declare(name, "number", f"{default:g}", help)
    value = _read(name, float, default, "a number")
    return _bounded(name, value, least, most)


def boolean(name: str, default: bool, *, help: str) -> bool:  # noqa: FBT001 - read as the other readers
    """`true`, `1`, `yes`, `on` or their opposites; ImproperlyConfigured where it is neither."""
    _declare(name, "boolean", str(default).lower(), help)
    raw = _raw(name).lower()
    if raw == "":
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={raw!r}: must be true or false")


def words(name: str, default: tuple[str, ...] = (), *, help: str, shown: str | None = None) -> list[str]:
    """A list of strings, separated by commas."""
    _declare(name, "list", ",".join(default) if shown is None else shown, help)
    raw = _raw(name)
    if not raw:
        return list(default)
    return [word.strip() for word in raw.split(",") if word.strip()]


def rate(name: str, default: str, *, help: str) -> str:
    """A rate as django-ratelimit writes it: `30/m`, `5/s`, `1000/d`."""
    _declare(name, "rate", default, help)
    value = _raw(name, default)
    if not re.fullmatch(r"[1-9][0-9]*/[smhd]", value):
        raise ImproperlyConfigured(f"{name}={value!r}: must be a number and s, m, h or d, as in 30/m")
    return value


def url_dict(name: str, default: str, *, help: str, shown: str) -> dict[str, object]:
    """A database address, `postgresql://user:password@host:5432/name` or `sqlite:///path`."""
    _declare(name, "address", shown, help, secret=True)
    address = _raw(name, default)
    if not address.startswith(
        _SCHEMES
    ):  # looked at first: the parser would print what it cannot take, password and all
        raise ImproperlyConfigured(f"{name}: must start with postgresql:// or sqlite:///")
    try:
        return dict(_environ.db_url_config(address))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: not a database address ({error})") from error


def _declare(name: str, type_: str, default: str, help_: str, *, secret: bool = False) -> None:
    VARIABLES[name] = Variable(name, type_, default, help_, _group, secret)


def _raw(name: str, default: str = "") -> str:
    """The variable's text; one that is set to nothing counts as not set."""
    return str(_environ.str(name, default="")).strip() or default


def _read(name: str, parse: Callable[[str], T], default: T, what: str) -> T:
    raw = _raw(name)
    if raw == "":
        return default
    try:
        return parse(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={raw!r}: must be {what}") from error


def _bounded(name: str, value: float, least: float, most: float | None) -> float:
    if value < least or (most is not None and value > most):
        bounds = f"at least {least:g}" if most is None else f"between {least:g} and {most:g}"
        raise ImproperlyConfigured(f"{name}={value:g}: must be {bounds}")
    return value
