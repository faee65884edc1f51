"""JSON Schema of typed dictionaries, for answers without a serializer: events, live totals."""

import inspect
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Schema = dict[str, Any]

_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def schema_of(hint: Any) -> Schema:
    """The schema of a type hint: a TypedDict, a plain type, `| None`, Literal, list, dict, or Annotated.

    The second argument of an Annotated is a dictionary that is merged into the schema of its type.
    """
    if is_typeddict(hint):
        return _object(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (NotRequired, Required):
        return schema_of(arguments[0])
    if origin is Annotated:
        return {**schema_of(arguments[0]), **arguments[1]}
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if origin is UnionType:
        return {"type": [_NAMES[argument] for argument in arguments]}
    return {"type": _NAMES[hint]}


def _object(hint: Any) -> Schema:
    fields = get_type_hints(hint, include_extras=True)
    schema: Schema = {
        "type": "object",
        "required": [name for name in fields if name in hint.__required_keys__],
        "properties": {name: schema_of(field) for name, field in fields.items()},
    }
    return {"description": inspect.getdoc(hint) or "", **schema}
