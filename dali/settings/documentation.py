"""Generates docs/settings.md and .env.example from the declared settings."""

import textwrap
from collections import defaultdict
from collections.abc import ItemsView
from pathlib import Path

from django.conf import settings

from dali import env

_INTRODUCTION = """\
# Settings

Dali reads its settings from environment variables and from a file `.env` in the checkout; the environment takes
precedence. The embedded server needs none. An invalid value, or only some of the settings that must be set together,
stops every command with exit code 2 and one line on standard error that names the variable and the values it takes. In
production an unknown variable `DALI_...` does the same; embedded it is a warning.

`./manage.py describe_settings --write` writes this page and `.env.example` from the code; a test compares them.
"""
_TESTS = """
## Tests

Only the tests read these.

| variable | what |
|---|---|
"""
_OF_MAKE = """\
| `TESTFLAGS` | Additional arguments for pytest in the test targets, as in `make test TESTFLAGS="-k stream"`. |
| `PYTHON` | The interpreter for the environment that `make` builds; default: the first Python 3.11 found. |
"""


def written_files() -> dict[Path, str]:
    """The two files, each with the text it must have."""
    return {
        settings.BASE_DIR / "docs" / "settings.md": settings_page(),
        settings.BASE_DIR / ".env.example": example_file(),
    }


def settings_page() -> str:
    """The text of docs/settings.md: a table for each group."""
    lines = [_INTRODUCTION]
    for group, variables in _by_group():
        lines += [f"## {group}", "", "| variable | type | default | what |", "|---|---|---|---|"]
        lines += [
            f"| `{variable.name}` | {variable.type} | {_shown_default(variable)} | {variable.help} |"
            for variable in variables
        ]
        lines.append("")
    of_tests = "".join(f"| `{name}` | {what} |\n" for name, what in sorted(env.TEST_VARIABLES.items()))
    return "\n".join(lines).rstrip() + "\n" + _TESTS + of_tests + _OF_MAKE


def example_file() -> str:
    """The text of .env.example: every variable, commented out, with its help and default."""
    lines = [
        "# Copy to .env and change what you need; every variable has a default. docs/settings.md explains them."
    ]
    for group, variables in _by_group():
        lines += ["", f"# {group}"]
        for variable in variables:
            lines.append("")
            lines += textwrap.wrap(
                f"{variable.help} ({variable.type})", 100, initial_indent="# ", subsequent_indent="# "
            )
            lines.append(f"#{variable.name}={variable.default if _is_literal(variable) else ''}")
    return "\n".join(lines) + "\n"


def _by_group() -> ItemsView[str, list[env.Variable]]:
    groups = defaultdict(list)
    for variable in env.VARIABLES.values():
        groups[variable.group].append(variable)
    return groups.items()


def _shown_default(variable: env.Variable) -> str:
    if not variable.default:
        return "none"
    return f"`{variable.default}`" if _is_literal(variable) else variable.default


def _is_literal(variable: env.Variable) -> bool:
    """Whether the default is a value, rather than a description of one."""
    return " " not in variable.default and "`" not in variable.default
