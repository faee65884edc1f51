"""Options of generators: typed dataclasses, described for `GET /api/artifact-generators` and parsed from JSON.

A field is a bool, an int, a float, a str or a Literal of strings, declared by `option`.
"""

import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any, Literal, TypedDict, TypeVar, get_args, get_origin, get_type_hints

from dali.lib.errors import InputError
from dali.lib.web.input.fields import CONTROL_CHARACTER, shown
from dali.lib.web.schema.fields import PLAIN_TEXT, closed

_TYPE_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}
# The values that each accepts; a bool does not count as a number.
_TYPES: dict[str, Any] = {"boolean": bool, "integer": int, "number": (int, float), "string": str}
MOST_CHARACTERS = 10_000

T = TypeVar("T")


def option(default: T, about: str, *, least: float | None = None, most: float | None = None) -> T:
    """A field of an options dataclass. `about`: its help; `least`, `most`: bounds of a number, or of a text's length.

    In its metadata: `help`, `least`, `most`; bounds that are None are left out.
    """
    bounds = {name: bound for name, bound in (("least", least), ("most", most)) if bound is not None}
    return field(default=default, metadata={"help": about, **bounds})


class OptionDescription(TypedDict, total=False):
    """One option, as the API shows it."""

    name: str
    type: str
    default: object
    choices: list[str]
    least: float
    most: float
    help: str


def describe(options: type[Any]) -> list[OptionDescription]:
    """All options of a dataclass, in order."""
    hints = get_type_hints(options)
    return [_described(one, hints[one.name]) for one in fields(options)]


def schema_of(options: type[Any]) -> dict[str, Any]:
    """The JSON Schema of what `parse` accepts."""
    return closed({one["name"]: _schema_of(one) for one in describe(options)})


def _schema_of(one: OptionDescription) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": one["type"],
        "description": one["help"],
        "default": one["default"],
    }
    if "choices" in one:
        return {**schema, "enum": one["choices"]}
    if one["type"] == "string":
        return {**schema, "pattern": PLAIN_TEXT, "maxLength": int(one.get("most", MOST_CHARACTERS))}
    bounds = {"minimum": one.get("least"), "maximum": one.get("most")}
    return {**schema, **{name: value for name, value in bounds.items() if value is not None}}


def parse(options: type[Any], given: Mapping[str, object]) -> Any:
    """An instance of the dataclass. Raises InputError with `options.<name>`, the value and the cure."""
    known = {one["name"]: one for one in describe(options)}
    for name in given:
        if name not in known:
            names = ", ".join(known) or "none"
            raise InputError(f"options.{name}", f"is not an option of this generator; known: {names}")
    return options(**{name: _parsed(known[name], value) for name, value in given.items()})


def _described(one: "Field[Any]", hint: Any) -> OptionDescription:
    if one.default is MISSING:
        raise TypeError(f"option {one.name} has no default")
    described: OptionDescription = {
        "name": one.name,
        "type": "string" if get_origin(hint) is Literal else _TYPE_NAMES[hint],
        "default": one.default,
        "help": one.metadata["help"],
    }
    if get_origin(hint) is Literal:
        described["choices"] = list(get_args(hint))
    for bound in ("least", "most"):
        if bound in one.metadata:
            described[bound] = one.metadata[bound]
    return described


def _parsed(one: OptionDescription, value: object) -> object:
    field_name = f"options.{one['name']}"
    if "choices" in one:
        if value not in one["choices"]:
            raise InputError(field_name, f"{shown(value)} is not one of {', '.join(one['choices'])}")
        return value
    if not isinstance(value, _TYPES[one["type"]]) or (isinstance(value, bool) and one["type"] != "boolean"):
        raise InputError(field_name, f"{shown(value)} is not of type {one['type']}")
    if isinstance(value, str):
        return _text(one, field_name, value)
    if not isinstance(value, bool):
        _check_bounds(one, field_name, value)
    return float(value) if one["type"] == "number" else value


def _text(one: OptionDescription, field_name: str, value: str) -> str:
    most = int(one.get("most", MOST_CHARACTERS))
    if len(value) > most:
        raise InputError(field_name, f"has {len(value):,} characters; send at most {most:,}")
    if (found := CONTROL_CHARACTER.search(value)) is not None:
        raise InputError(field_name, f"contains the control character U+{ord(found.group()):04X}; remove it")
    return value


def _check_bounds(one: OptionDescription, field_name: str, value: Any) -> None:
    largest = sys.float_info.max
    least, most = one.get("least", -largest), one.get("most", largest)
    if not least <= value <= most:  # also rejects NaN
        raise InputError(field_name, f"{shown(value)} is out of range; send {least} to {most}")
