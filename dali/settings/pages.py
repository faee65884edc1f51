"""The two files that list every setting, docs/settings.md and .env.example, written from the declarations."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from django.conf import settings

from dali import env
from dali.settings.unknown_names import OF_TESTS

_INTRODUCTION = """\
# Settings

Dali reads its settings from environment variables, and from a file `.env` in the checkout where there is one
(the environment wins). None is needed to run it embedded. A value that cannot be taken, or half of what must
be set together, stops every command with one line on standard error that names the variable and what it may be (exit
code 2). So does, in production, a variable `DALI_...` that is not listed here; embedded it is a warning.

This page and `.env.example` are written by `./manage.py describe_settings --write`; a test compares them with
the code.
"""
_TESTS = """
## Tests

Read by the tests and by nothing else.

| variable | what |
|---|---|
"""
_OF_MAKE = """\
| `TESTFLAGS` | Further arguments for pytest in the test targets, as in `make test TESTFLAGS="-k stream"`. |
| `PYTHON` | The interpreter `make` builds its environment with; default: the first Python 3.11 found. |
"""


def written_files() -> dict[Path, str]:
    """What each of the two files must hold."""
    return {
        settings.BASE_DIR / "docs" / "settings.md": settings_page(),
        settings.BASE_DIR / ".env.example": example_file(),
    }


def settings_page() -> str:
    """docs/settings.md: a table for each group."""
    lines = [_INTRODUCTION]
    for group, variables in _by_group():
        lines += [f"## {group}", "", "| variable | type | default | what |", "|---|---|---|---|"]
        lines += [
            f"| `{variable.name}` | {variable.type} | {_shown_default(variable)} | {variable.help} |"
            for variable in variables
        ]
        lines.append("")
    of_tests = "".join(f"| `{name}` | {what} |\n" for name, what in OF_TESTS.items())
    return "\n".join(lines).rstrip() + "\n" + _TESTS + of_tests + _OF_MAKE


def example_file() -> str:
    """.env.example: every variable, commented out, with its help above and its default behind."""
    lines = ["# Copy to .env and set what differs; docs/settings.md explains. Everything has a default."]
    for group, variables in _by_group():
        lines += ["", f"# {group}"]
        for variable in variables:
            lines.append("")
            lines += textwrap.wrap(
                f"{variable.help} ({variable.type})", 100, initial_indent="# ", subsequent_indent="# "
            )
            lines.append(f"#{variable.name}={_literal_default(variable)}")
    return "\n".join(lines) + "\n"


def _by_group() -> Iterator[tuple[str, list[env.Variable]]]:
    order = list(dict.fromkeys(variable.group for variable in env.VARIABLES.values()))
    variables = sorted(env.VARIABLES.values(), key=lambda variable: order.index(variable.group))
    for group, members in groupby(variables, key=lambda variable: variable.group):
        yield group, list(members)


def _shown_default(variable: env.Variable) -> str:
    if not variable.default:
        return "none"
    return f"`{variable.default}`" if _is_literal(variable) else variable.default


def _literal_default(variable: env.Variable) -> str:
    return variable.default if _is_literal(variable) else ""


def _is_literal(variable: env.Variable) -> bool:
    """Whether the default is a value, rather than words about how it is worked out."""
    return " " not in variable.default and "`" not in variable.default
