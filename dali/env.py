"""Typed readers of the environment. Reading a variable also declares it for docs/settings.md."""

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

N = TypeVar("N", int, float)

# Tag of the system checks that look only at settings. If one fails, no process starts (dali.start).
CHECKS = "settings"

_environ = environ.Env()
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_SCHEMES = ("postgresql://", "postgres://", "sqlite:///")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared environment variable. `default` is shown in the documentation; it may be a description."""

    name: str
    type: str
    default: str
    help: str
    group: str
    secret: bool


VARIABLES: dict[str, Variable] = {}
# Read only by the tests, the benchmarks and make; name and help text.
TEST_VARIABLES: dict[str, str] = {
    "DALI_REQUIRE_SERVICES": "`1`: tests that need PostgreSQL and Redis fail without them instead of being skipped.",
    "DALI_REQUIRE_BROWSER": "`1`: tests that need Chromium fail without it instead of being skipped.",
    "DALI_REQUIRE_NODE": "`1`: tests that need Node.js and the packages of tests/node (`npm ci`) fail without them.",
    "DALI_CHROMIUM": "Path of the Chromium for the browser tests; default: `chromium` on the path.",
    "DALI_TEST_KILLS": "How often the flow tests kill a process during a job; more kills find rarer faults.",
}
_group = "General"


def group(title: str) -> None:
    """Starts a heading in docs/settings.md; the variables read after this call are listed below it."""
    global _group  # noqa: PLW0603 - settings are read top to bottom, once
    _group = title


def for_tests(name: str, *, help: str) -> None:
    """Declares a variable that only the tests read."""
    TEST_VARIABLES[name] = help


def load_file(path: Path) -> None:
    """Reads a file of `NAME=value` lines, if it exists; the real environment takes precedence.

    Raises ImproperlyConfigured if it cannot be read: otherwise everything in it would count as not set.
    """
    try:
        lines = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):  # `.env` may be a virtual environment
        return
    except OSError as error:
        raise ImproperlyConfigured(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(
            f"{path}: is not valid UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error
    environ.Env.read_env(io.StringIO(lines))


def given() -> dict[str, str]:
    """All variables that are set, including those of other programs."""
    return dict(environ.Env.ENVIRON)


def text(name: str, default: str = "", *, help: str, secret: bool = False, shown: str | None = None) -> str:
    """A string. The value of a `secret` one is never shown; `shown` describes a computed default."""
    _declare(name, "text", default if shown is None else shown, help, secret=secret)
    value = _raw(name, default)
    if secret:
        hide(value)
    return value


def choice(name: str, default: str, choices: tuple[str, ...], *, help: str) -> str:
    """One of `choices`. Raises ImproperlyConfigured, naming the variable and the choices, for anything else."""
    _declare(name, " or ".join(f"`{word}`" for word in choices), default, help)
    value = _raw(name, default)
    return _checked(name, value, value in choices, f"one of {', '.join(choices)}")


def integer(name: str, default: int, *, help: str, least: int = 0, most: int | None = None) -> int:
    """A whole number from `least` to `most`. Raises ImproperlyConfigured, naming variable and bounds."""
    _declare(name, "integer", str(default), help)
    return _bounded(name, int, default, "a whole number", (least, most))


def number(name: str, default: float, *, help: str, least: float = 0, most: float | None = None) -> float:
    """A number from `least` to `most`. Raises ImproperlyConfigured, naming variable and bounds."""
    _declare(name, "number", f"{default:g}", help)
    return _bounded(name, float, default, "a number", (least, most))


def boolean(name: str, default: bool, *, help: str) -> bool:  # noqa: FBT001 - read as the other readers
    """`true`, `1`, `yes`, `on`, or `false`, `0`, `no`, `off`. Raises ImproperlyConfigured for anything else."""
    _declare(name, "boolean", str(default).lower(), help)
    raw = _raw(name).lower()
    _checked(name, raw, raw in {"", *_TRUE, *_FALSE}, "true or false")
    return raw in _TRUE if raw else default


def words(name: str, default: tuple[str, ...] = (), *, help: str, shown: str | None = None) -> list[str]:
    """A list of strings, separated by commas. Raises ImproperlyConfigured for commas alone."""
    _declare(name, "list", ",".join(default) if shown is None else shown, help)
    raw = _raw(name)
    if not raw:
        return list(default)
    found = [word.strip() for word in raw.split(",") if word.strip()]
    if not found:
        raise ImproperlyConfigured(f"{name}={raw!r}: must name at least one, or be unset")
    return found


def rate(name: str, default: str, *, help: str) -> str:
    """A rate in django-ratelimit's notation: `30/m`, `5/s`, `1000/d`. Raises ImproperlyConfigured."""
    _declare(name, "rate", default, help)
    value = _raw(name, default)
    is_rate = bool(re.fullmatch(r"[1-9][0-9]*/[smhd]", value))
    return _checked(name, value, is_rate, "a number and s, m, h or d, as in 30/m")


def http_address(name: str, default: str = "", *, help: str) -> str:
    """An http(s) URL with a host, or empty if the default is. Raises ImproperlyConfigured."""
    _declare(name, "address", default, help)
    address = _raw(name, default)
    is_http = _is_address(address) and address.startswith(("http://", "https://"))
    return _checked(name, address, not address or is_http, "a URL, as in https://api.example.com")


def origin(name: str, *, help: str, shown: str) -> str:
    """Scheme and host of a server, as `https://dali.example.com`; empty if unset. Raises ImproperlyConfigured."""
    _declare(name, "address", shown, help)
    address = _raw(name).rstrip("/")
    found = re.fullmatch(r"https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?", address)
    is_fine = not address or found is not None
    return _checked(name, address, is_fine, "scheme and host, as in https://dali.example.com")


def redis_address(name: str, *, help: str, shown: str) -> str:
    """URL of a Redis, as `redis://:password@host:6379/0`. Raises ImproperlyConfigured, without showing the URL."""
    address = text(name, help=help, shown=shown, secret=True)
    if address:
        _check_redis(name, address)
    return address


def broker_address(name: str, default: str, *, help: str, shown: str) -> str:
    """URL of a task queue that Celery can use. Raises ImproperlyConfigured, without showing the URL."""
    address = text(name, default, help=help, shown=shown, secret=True)
    scheme = address.partition("://")[0]
    if "://" not in address or scheme not in TRANSPORT_ALIASES:
        raise ImproperlyConfigured(f"{name}: must be the URL of a task queue, as in redis://host:6379/0")
    if scheme in {"redis", "rediss"}:
        _check_redis(name, address)
    return address


def url_dict(name: str, default: str, *, help: str, shown: str) -> dict[str, object]:
    """Django's settings of a database, from `postgresql://user:password@host:5432/name` or `sqlite:///path`.

    Raises ImproperlyConfigured, without showing the URL.
    """
    _declare(name, "address", shown, help, secret=True)
    address = _raw(name, default)
    # Checked first: the parser's own error would show the whole URL with its password.
    if not address.startswith(_SCHEMES):
        raise ImproperlyConfigured(f"{name}: must start with postgresql:// or sqlite:///")
    try:
        found = dict(_environ.db_url_config(address))
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name}: is not a database URL; write it as in postgresql://user:password@host:5432/name"
        ) from error
    if found["NAME"] in {"", ":memory:"}:
        raise ImproperlyConfigured(
            f"{name}: does not name a database; write it as in postgresql://user:password@host:5432/name or sqlite:///path"
        )
    return found


def _check_redis(name: str, address: str) -> None:
    """Checks what Redis clients would ignore, such as a database that is not a number, or report only later."""
    is_socket = address.startswith("unix://")
    is_fine = address.startswith(_REDIS_SCHEMES) and (is_socket or _is_address(address))
    if not is_fine or not (is_socket or re.fullmatch("/?[0-9]*", urlsplit(address).path)):
        raise ImproperlyConfigured(f"{name}: must be the URL of a Redis, as in redis://:password@host:6379/0")


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is not a number, or an unclosed bracket
        return False


def _declare(name: str, type_: str, default: str, help_: str, *, secret: bool = False) -> None:
    VARIABLES[name] = Variable(name, type_, default, help_, _group, secret)


def _raw(name: str, default: str = "") -> str:
    """The variable's text, stripped; an empty one counts as not set."""
    return str(_environ.str(name, default="")).strip() or default


def _checked(name: str, value: str, is_fine: bool, cure: str) -> str:  # noqa: FBT001 - a condition, not an option
    if not is_fine:
        raise ImproperlyConfigured(f"{name}={value!r}: must be {cure}")
    return value


def _bounded(
    name: str, parse: Callable[[str], N], default: N, what: str, bounds: tuple[float, float | None]
) -> N:
    raw = _raw(name)
    try:
        value = parse(raw) if raw else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={raw!r}: must be {what}") from error
    least, most = bounds
    if not math.isfinite(value) or value < least or (most is not None and value > most):
        allowed = f"at least {least:g}" if most is None else f"between {least:g} and {most:g}"
        raise ImproperlyConfigured(f"{name}={value:g}: must be {allowed}")
    return value
