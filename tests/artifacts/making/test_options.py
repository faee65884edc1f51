"""Options of generators: described, and parsed strictly."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from artifacts.options import describe, parse
from dali.lib.errors import InputError


@dataclass(frozen=True, slots=True)
class Options:
    """One option of every type."""

    columns: int = field(default=3, metadata={"help": "How many.", "least": 1, "most": 6})
    pace_s: float = field(default=2.5, metadata={"help": "How fast.", "least": 0.5, "most": 10})
    is_dark: bool = field(default=False, metadata={"help": "Whether."})
    layout: Literal["wall", "list"] = field(default="wall", metadata={"help": "Which."})
    note: str = field(default="", metadata={"help": "What.", "most": 5})


def test_options_are_described_with_type_default_bounds_and_choices() -> None:
    assert describe(Options) == [
        {"name": "columns", "type": "integer", "default": 3, "help": "How many.", "least": 1, "most": 6},
        {"name": "pace_s", "type": "number", "default": 2.5, "help": "How fast.", "least": 0.5, "most": 10},
        {"name": "is_dark", "type": "boolean", "default": False, "help": "Whether."},
        {
            "name": "layout",
            "type": "string",
            "default": "wall",
            "help": "Which.",
            "choices": ["wall", "list"],
        },
        {"name": "note", "type": "string", "default": "", "help": "What.", "most": 5},
    ]


def test_given_options_are_used_and_the_rest_keep_their_defaults() -> None:
    given = {"columns": 2, "pace_s": 3, "is_dark": True, "layout": "list", "note": "hello"}
    assert parse(Options, given) == Options(2, 3.0, True, "list", "hello")
    assert parse(Options, {}) == Options()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("columns", 0), ("columns", 7), ("columns", 2.0), ("columns", "2"), ("columns", True), ("columns", None),
        ("columns", 10**400), ("pace_s", -(10**400)), ("pace_s", 10**400),
        ("pace_s", 0.1), ("pace_s", "1"), ("pace_s", False), ("pace_s", float("nan")), ("pace_s", float("inf")),
        ("is_dark", 1), ("is_dark", "true"), ("layout", "grid"), ("layout", 1), ("layout", ["wall"]),
        ("note", "longer"), ("note", 5), ("note", "a\x00"), ("unknown", 1),
    ],
)  # fmt: skip
def test_an_invalid_value_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        parse(Options, {name: value})
    assert caught.value.field == f"options.{name}"
