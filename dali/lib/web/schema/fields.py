"""What the OpenAPI document says of each kind of field, read from the field that checks it."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction
from rest_framework import serializers

from dali.lib.web.input.fields import (
    CONTROL,
    StrictCharField,
    StrictObjectField,
    StrictUsdField,
    UniqueListField,
)

Schema = dict[str, Any]

# What str.strip removes, in the notation of ECMA-262.
SPACE = r"\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
PLAIN_TEXT = f"^[^{CONTROL}]*$"
NOT_BLANK = f"^[{SPACE}]*[^{CONTROL}{SPACE}][^{CONTROL}]*$"
BLANK = f"^[{SPACE}]*$"
AROUND = f"^[{SPACE}]|[{SPACE}]$"  # a space at either end, which trimming takes away

# Any JSON whose texts hold no control characters, at whatever depth.
ANY_JSON_NAME = "AnyJson"
ANY_JSON_REF = {"$ref": f"#/components/schemas/{ANY_JSON_NAME}"}
PLAIN_OBJECT: Schema = {
    "type": "object",
    "propertyNames": {"pattern": PLAIN_TEXT},
    "additionalProperties": ANY_JSON_REF,
}
ANY_JSON: Schema = {
    "description": "Any JSON, at most 32 levels deep. Texts hold no control characters but tab and line breaks.",
    "anyOf": [
        {"type": ["boolean", "number", "null"]},
        {"type": "string", "pattern": PLAIN_TEXT},
        {"type": "array", "items": ANY_JSON_REF},
        PLAIN_OBJECT,
    ],
}


def at_most(length: int, uncounted: str) -> Schema:
    """A rule of length that does not count what the pattern `uncounted` finds: a text with that may be longer."""
    return {"anyOf": [{"maxLength": length}, {"pattern": uncounted}]}


def trimmed(pattern: str) -> str:
    """A pattern of the whole text, with the spaces around it that trimming takes away."""
    return f"^[{SPACE}]*(?:{pattern})[{SPACE}]*$"


def closed(properties: Schema) -> Schema:
    """An object of these properties, each of which may be absent, and of no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def size_pattern(least_px: int, most_px: int) -> str:
    """A pattern of `width x height` with both sides within bounds."""
    side = whole_number_pattern(least_px, most_px)
    return trimmed(f"(?:{side})x(?:{side})")


def whole_number_pattern(least: int, most: int) -> str:
    """A pattern of the whole numbers from `least` to `most`, written without leading zeros."""
    parts = []
    for length in range(len(str(least)), len(str(most)) + 1):
        low = max(least, 10 ** (length - 1) if length > 1 else 0)
        high = min(most, 10**length - 1)
        parts.append(_digits(str(low), str(high)))
    return "|".join(parts)


def _digits(low: str, high: str) -> str:
    """A pattern of the numbers between two of the same length."""
    rest = len(low) - 1
    if not rest:
        return f"[{low}-{high}]"
    if low[0] == high[0]:
        return f"{low[0]}(?:{_digits(low[1:], high[1:])})"
    first, last, parts = int(low[0]), int(high[0]), []
    if low[1:] != "0" * rest:
        parts.append(f"{first}(?:{_digits(low[1:], '9' * rest)})")
        first += 1
    if high[1:] != "9" * rest:
        last -= 1
    if first <= last:
        parts.append(f"[{first}-{last}][0-9]{{{rest}}}")
    if high[1:] != "9" * rest:
        parts.append(f"{high[0]}(?:{_digits('0' * rest, high[1:])})")
    return "|".join(parts)


class CharFieldSchema(OpenApiSerializerFieldExtension):
    """Text, with its length and pattern."""

    target_class = StrictCharField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """The length is counted without the spaces around the text, where these are trimmed."""
        field: StrictCharField = self.target
        schema: Schema = {"type": "string"}
        if direction == "response":
            return schema
        if field.max_length is not None and field.trim_whitespace:
            schema |= at_most(field.max_length, AROUND)
        elif field.max_length is not None:
            schema["maxLength"] = field.max_length
        if field.pattern:
            pattern = trimmed(field.pattern) if field.trim_whitespace else f"^(?:{field.pattern})$"
        else:
            pattern = NOT_BLANK if field.trim_whitespace and not field.allow_blank else PLAIN_TEXT
        return {**schema, "pattern": pattern}


class IdFieldSchema(OpenApiSerializerFieldExtension):
    """A UUID, with the only notation that is accepted."""

    target_class = serializers.UUIDField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Ids in answers have no pattern."""
        pattern = getattr(self.target, "pattern", "")
        return {"type": "string", "format": "uuid"} | ({"pattern": f"^{pattern}$"} if pattern else {})


class ListFieldSchema(OpenApiSerializerFieldExtension):
    """A list, with its least number of items; the most comes from the field's validators."""

    target_class = serializers.ListField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """What the child is, and how many."""
        field: serializers.ListField = self.target
        # As drf-spectacular does it; there is no public API for it.
        items = auto_schema._map_serializer_field(field.child, direction)  # noqa: SLF001
        auto_schema._insert_field_validators(field.child, items)  # noqa: SLF001
        schema: Schema = {"type": "array", "items": items}
        if not field.allow_empty:
            schema["minItems"] = 1
        if isinstance(field, UniqueListField):
            schema["uniqueItems"] = True
        return schema


class UsdFieldSchema(OpenApiSerializerFieldExtension):
    """US dollars: a cap has bounds, a sum may be 0 and has none."""

    target_class = StrictUsdField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """As the field checks it."""
        if direction == "response":
            return {"type": "number", "minimum": 0}
        return {"type": "number", "minimum": self.target.least_usd, "maximum": self.target.most_usd}


class ObjectFieldSchema(OpenApiSerializerFieldExtension):
    """An object of any JSON."""

    target_class = StrictObjectField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """With the component that it is made of."""
        component = ResolvedComponent(
            name=ANY_JSON_NAME, type=ResolvedComponent.SCHEMA, object=ANY_JSON_NAME, schema=ANY_JSON
        )
        auto_schema.registry.register_on_missing(component)
        return dict(PLAIN_OBJECT)
