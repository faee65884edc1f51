"""Serializer fields that take only the type they name, and say what would be right."""

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dali.lib.clock import epoch_ms
from dali.lib.web.addresses import absolute_url
from dali.lib.web.converters import IdConverter

V = TypeVar("V")
R = TypeVar("R")

# C0 and C1 controls except tab and line breaks, in a notation that ECMA-262 shares. PostgreSQL cannot store NUL.
CONTROL = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
CONTROL_CHARACTER = re.compile(f"[{CONTROL}]")
# Half of a pair is not a character: UTF-8 cannot encode it.
SURROGATE = re.compile(r"[\ud800-\udfff]")


def shown(value: object) -> str:
    """A value as a message shows it: as JSON, in ASCII, at most 60 characters."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


class StrictCharField(serializers.CharField):
    """Text, trimmed and without control characters other than tab and line breaks; numbers are refused."""

    default_error_messages = {
        "required": "is missing; send a string.",
        "null": "null is not text; send a string.",
        "invalid": "{value} is not text; send a string.",
        "blank": "is empty; send at least one character other than a space.",
        "control": "holds the control character U+{code:04X} at position {position}; remove it.",
        "surrogate": "holds half a surrogate pair at position {position}; send whole characters.",
        "too_long": "has {length:,} characters; send at most {most:,}.",
        "pattern": "{value} has the wrong format; send {cure}.",
    }

    def __init__(self, *, pattern: str = "", cure: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pattern = pattern  # of the whole text once it is trimmed; valid in ECMA-262 too
        self._cure = cure

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Type, control characters and length are checked before what DRF's own field checks."""
        if data is not serializers.empty and data is not None:
            self._check(data)
        return super().run_validation(data)

    def _check(self, data: Any) -> None:
        if not isinstance(data, str):
            self.fail("invalid", value=shown(data))
        if found := CONTROL_CHARACTER.search(data):
            self.fail("control", code=ord(found.group()), position=found.start())
        if found := SURROGATE.search(data):
            self.fail("surrogate", position=found.start())
        text = data.strip() if self.trim_whitespace else data
        if self.max_length is not None and len(text) > self.max_length:
            self.fail("too_long", length=len(text), most=self.max_length)
        if self.pattern and text and not re.fullmatch(self.pattern, text):
            self.fail("pattern", value=shown(data), cure=self._cure)


class StrictIntegerField(serializers.IntegerField):
    """A whole number within bounds; `"2"`, `2.5` and `true` are refused. The parser reads `2.0` as 2."""

    default_error_messages = {
        "required": "is missing; send a whole number.",
        "null": "null is not a whole number.",
        "invalid": "{value} is not a whole number.",
        "range": "{value} is out of range; send {bounds}.",
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Type and bounds, in one message each."""
        if data is not serializers.empty and data is not None:
            if type(data) is not int:
                self.fail("invalid", value=shown(data))
            low, high = self.min_value, self.max_value
            if (low is not None and data < low) or (high is not None and data > high):
                bounds = f"{low} to {high}" if high is not None else f"{low} or more"
                self.fail("range", value=str(data)[:40], bounds=bounds)
        return super().run_validation(data)


class WordField(serializers.ChoiceField):
    """One of a few words."""

    default_error_messages = {"invalid_choice": "{input} is not known; send one of {known}."}

    def to_internal_value(self, data: Any) -> Any:
        """The word itself."""
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", input=shown(data), known=", ".join(self.choices))
        return data


class IdField(serializers.UUIDField):
    """The id of a row, in the notation of the API's answers: hexadecimal digits of either case, with dashes."""

    pattern = IdConverter.regex

    default_error_messages = {"invalid": "{value} is not an id; send one from an answer of this API."}

    def to_internal_value(self, data: Any) -> UUID:
        """The id. Other notations that Python's UUID accepts (braces, no dashes, a number) are refused."""
        if not isinstance(data, str) or not re.fullmatch(self.pattern, data):
            self.fail("invalid", value=shown(data))
        return UUID(data)


class StrictBooleanField(serializers.BooleanField):
    """`true` or `false`; `1`, `"true"` and `"on"` are neither."""

    default_error_messages = {"invalid": "{input} is neither true nor false."}

    def to_internal_value(self, data: Any) -> bool:
        """The boolean itself."""
        if not isinstance(data, bool):
            self.fail("invalid", input=shown(data))
        return data


class StrictUsdField(serializers.Field[Decimal, Any, float | None, Any]):
    """US dollars: a JSON number above 0, to 999,999, with at most six decimals. In answers, a number or null."""

    default_error_messages = {
        "invalid": "{value} is not an amount in US dollars; send a number above 0 and at most 999999.",
    }
    least_usd, most_usd = 0.000001, 999_999

    def to_internal_value(self, data: Any) -> Decimal:
        """The amount, rounded to millionths."""
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if not is_number or not self.least_usd <= data <= self.most_usd:
            self.fail("invalid", value=shown(data))
        return round(Decimal(str(data)), 6)

    def to_representation(self, value: Decimal) -> float:
        """A JSON number; unknown amounts are null and do not reach this method."""
        return float(value)


class StrictListField(serializers.ListField):
    """A JSON array."""

    default_error_messages = {
        "required": "is missing; send an array.",
        "null": "null is not an array; send one, as [].",
        "not_a_list": "{value} is not an array; send one, as [].",
        "empty": "is empty; send at least one.",
        "max_length": "has too many entries; send at most {max_length}.",
    }

    def to_internal_value(self, data: Any) -> list[Any]:
        """The checked entries; DRF's own message would use Python's name of the type."""
        if not isinstance(data, list):
            self.fail("not_a_list", value=shown(data))
        return super().to_internal_value(data)


class UniqueListField(StrictListField):
    """A list without repeated entries."""

    default_error_messages = {"repeated": "{value} is repeated; name each once."}

    def to_internal_value(self, data: Any) -> list[Any]:
        """The items, each checked by `child`."""
        items: list[Any] = super().to_internal_value(data)
        for place, item in enumerate(items):
            if item in items[:place]:
                self.fail("repeated", value=shown(item))
        return items


class StrictDictField(serializers.DictField):
    """A JSON object whose values are alike."""

    default_error_messages = {
        "required": "is missing; send an object.",
        "null": "null is not an object; send one, as {{}}.",
        "not_a_dict": "{value} is not an object; send one, as {{}}.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The checked values by name; DRF's own message would use Python's name of the type."""
        if not isinstance(data, dict):
            self.fail("not_a_dict", value=shown(data))
        return super().to_internal_value(data)


class StrictObjectField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A JSON object whose texts, at any depth, hold no control characters."""

    default_error_messages = {
        "invalid": "{value} is not an object; send one, as {{}}.",
        "control": "{path} holds the control character U+{code:04X}; remove it.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object, unchanged."""
        if not isinstance(data, dict):
            self.fail("invalid", value=shown(data))
        waiting: list[tuple[str, Any]] = [(self.field_name or "", data)]
        while waiting:
            path, item = waiting.pop()
            if isinstance(item, dict):
                waiting += [(f"{path}.{name}", inner) for name, inner in item.items()]
                waiting += [(path, name) for name in item]
            elif isinstance(item, list):
                waiting += [(f"{path}.{number}", inner) for number, inner in enumerate(item)]
            elif isinstance(item, str) and (found := CONTROL_CHARACTER.search(item)):
                self.fail("control", path=CONTROL_CHARACTER.sub("?", path), code=ord(found.group()))
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """The object, unchanged."""
        return value


class OutputField(serializers.Field[V, Any, R, Any]):
    """A field for output only."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)


@extend_schema_field({"type": "integer", "minimum": 0, "description": "Milliseconds since the Unix epoch."})
class EpochMsField(OutputField[datetime, int]):
    """A time: milliseconds since the Unix epoch."""

    def to_representation(self, value: datetime) -> int:
        """Milliseconds."""
        return epoch_ms(value)


@extend_schema_field({"type": ["string", "null"], "format": "uri"})
class UrlOutField(OutputField[str, str | None]):
    """An address: absolute, or null."""

    def to_representation(self, value: str) -> str | None:
        """The absolute URL."""
        return absolute_url(value) or None


@extend_schema_field({"type": ["string", "null"]})
class TextOrNullField(OutputField[str, str | None]):
    """Text: null if it is empty."""

    def to_representation(self, value: str) -> str | None:
        """The text."""
        return value or None
