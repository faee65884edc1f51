"""What a test of `make test` may start: short helpers. Servers, workers, commands and browsers are in the rest."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

LONG = ("celery", "chrom", "initdb", "pg_ctl", "postgres", "redis-server")


@dataclass(slots=True)
class _Guard:
    is_on: bool = False


_guard = _Guard()


def is_long(command: Sequence[str]) -> bool:
    """Whether a command is a server, a worker, a browser or one of Dali's programs; `python -c` is none of these."""
    name, arguments = Path(command[0]).name, command[1:]
    if name.startswith("python"):
        return bool(arguments) and arguments[0] != "-c"
    return name.startswith(LONG) or any("playwright" in part for part in command)


@contextmanager
def guarded(is_on: bool) -> Iterator[None]:
    """While active, starting such a command fails, unless the guard is off."""
    before, _guard.is_on = _guard.is_on, is_on
    try:
        yield
    finally:
        _guard.is_on = before


def _look_at(event: str, arguments: tuple[object, ...]) -> None:
    """Python calls this before a process starts, whichever library starts it."""
    if event != "subprocess.Popen" or not _guard.is_on:
        return
    command = arguments[1]
    parts = [command] if isinstance(command, str) else [str(part) for part in cast("list[object]", command)]
    if is_long(parts):
        raise AssertionError(
            f"this test starts `{' '.join(parts[:3])}`: give it the mark `rest` (tests/conftest.py says how)"
        )


sys.addaudithook(_look_at)
