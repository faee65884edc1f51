"""Typed readers of the environment. Each read declares its variable; docs/settings.md is made from that."""

import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from kombu.transport import TRANSPORT_ALIASES

from dali.lib.logs import hide

T = TypeVar("T")

# The system checks that look at settings alone carry this tag; where one of them fails nothing starts (dali.start).
CHECKS = "settings"

_environ = environ.Env()
_SCHEMES = ("postgresql://", "postgres://", "sqlite:///")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


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
    """Reads a file of `NAME=value` lines, where there is one; the real environment wins.

    A file that cannot be read stops the start: otherwise everything in it would count as not set.
    """
    try:
        lines = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):  # `.env` may be a virtual environment
        return
    except OSError as error:
        raise ImproperlyConfigured(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    environ.Env.read_env(io.StringIO(lines))


def given() -> dict[str, str]:
    """All variables that are set, those of other programs among them."""
    return dict(environ.Env.ENVIRON)


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
    found = [word.strip() for word in raw.split(",") if word.strip()]
    if not found:
        raise ImproperlyConfigured(f"{name}={raw!r}: must name at least one, or be left out")
    return found


def rate(name: str, default: str, *, help: str) -> str:
    """A rate as django-ratelimit writes it: `30/m`, `5/s`, `1000/d`."""
    _declare(name, "rate", default, help)
    value = _raw(name, default)
    if not re.fullmatch(r"[1-9][0-9]*/[smhd]", value):
        raise ImproperlyConfigured(f"{name}={value!r}: must be a number and s, m, h or d, as in 30/m")
    return value


def http_address(name: str, default: str = "", *, help: str) -> str:
    """An http(s) address with a host, or nothing where the default is nothing."""
    _declare(name, "address", default, help)
    address = _raw(name, default)
    if address and not (_is_address(address) and address.startswith(("http://", "https://"))):
        raise ImproperlyConfigured(f"{name}={address!r}: must be an address, as in https://api.example.com")
    return address


def origin(name: str, *, help: str, shown: str) -> str:
    """Scheme and host of a server, as `https://dali.example.com`; empty where it is not set."""
    _declare(name, "address", shown, help)
    address = _raw(name).rstrip("/")
    if address and not re.fullmatch(r"https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?", address):
        raise ImproperlyConfigured(
            f"{name}={address!r}: must be scheme and host, as in https://dali.example.com"
        )
    return address


def redis_address(name: str, *, help: str, shown: str) -> str:
    """The address of a Redis, as `redis://:password@host:6379/0`; its messages never show it."""
    address = text(name, help=help, shown=shown, secret=True)
    if address:
        _check_redis(name, address)
    return address


def broker_address(name: str, default: str, *, help: str, shown: str) -> str:
    """The address of a task queue that Celery can use; its messages never show it."""
    address = text(name, default, help=help, shown=shown, secret=True)
    scheme = address.partition("://")[0]
    if "://" not in address or scheme not in TRANSPORT_ALIASES:
        raise ImproperlyConfigured(f"{name}: must be the address of a task queue, as in redis://host:6379/0")
    if scheme in {"redis", "rediss"}:
        _check_redis(name, address)
    return address


def url_dict(name: str, default: str, *, help: str, shown: str) -> dict[str, object]:
    """A database address, `postgresql://user:password@host:5432/name` or `sqlite:///path`."""
    _declare(name, "address", shown, help, secret=True)
    address = _raw(name, default)
    if not address.startswith(
        _SCHEMES
    ):  # looked at first: the parser would print what it cannot take, password and all
        raise ImproperlyConfigured(f"{name}: must start with postgresql:// or sqlite:///")
    try:
        found = dict(_environ.db_url_config(address))
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name}: is not a database address; write it like postgresql://user:password@host:5432/name"
        ) from error
    if found["NAME"] in {"", ":memory:"}:
        raise ImproperlyConfigured(
            f"{name}: names no database; write it like postgresql://user:password@host:5432/name or sqlite:///path"
        )
    return found


def _check_redis(name: str, address: str) -> None:
    """Only what the clients would pass over in silence, as a database that is not a number, or fail at later."""
    is_socket = address.startswith("unix://")
    is_fine = address.startswith(_REDIS_SCHEMES) and (is_socket or _is_address(address))
    if not is_fine or not (is_socket or re.fullmatch("/?[0-9]*", urlsplit(address).path)):
        raise ImproperlyConfigured(
            f"{name}: must be the address of a Redis, as in redis://:password@host:6379/0"
        )


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # of a port that is not a number, or brackets that do not close
        return False


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
    if not math.isfinite(value) or value < least or (most is not None and value > most):
        bounds = f"at least {least:g}" if most is None else f"between {least:g} and {most:g}"
        raise ImproperlyConfigured(f"{name}={value:g}: must be {bounds}")
    return value
