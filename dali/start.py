"""Refuses to start with bad settings or an unusable database, with one line for each fault."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, ManagementUtility

from dali import env
from dali.lib.calls.deadlines import call_within
from dali.lib.db.probe import ask_database, one_line
from dali.lib.errors import UnavailableError

REFUSED = 2
# The time limits for connecting to the database, and for connecting and asking together.
_CONNECT_WITHIN_S, _ANSWER_WITHIN_S = 5, 8.0
# Commands of Django and packages that need no database; ours declare `needs_database = False`.
_WITHOUT_DATABASE = {
    "check", "diffsettings", "findstatic", "makemessages", "makemigrations", "shell", "spectacular",
}  # fmt: skip


class CommandLine(ManagementUtility):
    """`manage.py`: refuses bad settings and, for commands that need one, an unusable database."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Called after the settings were read, for running a command and for its help."""
        refuse_bad_settings(shows_warnings=False)  # a command's own checks show them
        command = super().fetch_command(subcommand)
        is_help = self.argv[1:2] == ["help"] or not {"-h", "--help"}.isdisjoint(self.argv)
        if not is_help and getattr(command, "needs_database", subcommand not in _WITHOUT_DATABASE):
            refuse_without_database()
        return command


def run_command(argv: list[str]) -> None:
    """Runs a command line."""
    with refusing():
        CommandLine(argv).execute()


@contextmanager
def refusing() -> Iterator[None]:
    """Ends the process with one line and exit code 2 if the block raises ImproperlyConfigured."""
    try:
        yield
    except ImproperlyConfigured as error:
        refuse(one_line(error))


def read_settings() -> None:
    """Ends the process if a value in the environment is not valid."""
    with refusing():
        settings.INSTALLED_APPS  # noqa: B018 - the first look reads them all


def refuse_bad_settings(*, shows_warnings: bool = True) -> None:
    """Ends the process if checks of the settings fail, with a line for each."""
    read_settings()
    errors, warnings = _found()
    if shows_warnings:
        sys.stderr.write("".join(f"Warning: {line}\n" for line in warnings))
    if errors:
        refuse(*errors)


def check_settings() -> None:
    """As `refuse_bad_settings`, but raises ImproperlyConfigured."""
    errors, _ = _found()
    if errors:
        raise ImproperlyConfigured("; ".join(errors))


def refuse_without_database() -> None:
    """Ends the process, within 10 s, if the database cannot be reached, does not exist, or refuses the login."""
    database = settings.DATABASES["default"]
    try:
        if database["ENGINE"] == "dali.lib.db.sqlite":
            settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        call_within(_ANSWER_WITHIN_S, partial(ask_database, connect_within_s=_CONNECT_WITHIN_S))
    except (UnavailableError, TimeoutError, OSError) as error:
        refuse(
            f"The database cannot be used ({one_line(error)}): check DATABASE_URL and the server that it names."
        )


def refuse(*lines: str, exit_code: int = REFUSED) -> NoReturn:
    """Ends the process with these lines on standard error."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.exit(exit_code)


def _found() -> tuple[list[str], list[str]]:
    messages = [each for each in run_checks(tags=[env.CHECKS]) if not each.is_silenced()]
    return (
        [_line(each) for each in messages if each.is_serious()],
        [_line(each) for each in messages if not each.is_serious()],
    )


def _line(message: CheckMessage) -> str:
    return f"{message.msg}. {message.hint or ''}".rstrip() + f" ({message.id})"
