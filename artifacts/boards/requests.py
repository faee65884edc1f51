"""Checks the JSON of votes and comments."""

import re
import unicodedata
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction
from rest_framework import serializers

from dali.lib.web.input.bodies import BodySerializer
from dali.lib.web.input.fields import CONTROL, CONTROL_CHARACTER, IdField, StrictCharField, shown
from dali.lib.web.schema.fields import SPACE, Schema, at_most

MOST_NAME = 80
MOST_TEXT = 2_000
# Characters that change the direction of the text after them, or break lines.
_LAYOUT = re.compile("[\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]")
_TAKEN_OUT = rf"{CONTROL}{SPACE}\u202a-\u202e\u2066-\u2069\ufeff"
_LINE_BREAK = re.compile(r"\r\n?|\u2028|\u2029")


class WrittenField(serializers.Field[str, Any, str, Any]):
    """Text that a visitor typed. Control characters are removed, not refused, because people do not see them.

    Trimmed, and joined to one line unless `has_lines`.
    """

    default_error_messages = {
        "required": "is missing; send text.",
        "null": "null is not text; send text.",
        "invalid": "{value} is not text; send a string.",
        "blank": "is empty; send at least one character that is not a space.",
        "too_long": "has {length:,} characters; send at most {most:,}.",
    }

    def __init__(
        self, *, most: int, has_lines: bool = False, allow_blank: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.most = most
        self.allow_blank = allow_blank
        self._has_lines = has_lines

    def to_internal_value(self, data: Any) -> str:
        """The text to store."""
        if not isinstance(data, str):
            self.fail("invalid", value=shown(data))
        text = cleaned(data, has_lines=self._has_lines)
        if not text and not self.allow_blank:
            self.fail("blank")
        if len(text) > self.most:
            self.fail("too_long", length=len(text), most=self.most)
        return text

    def to_representation(self, value: str) -> str:
        """The text."""
        return value


class WrittenFieldSchema(OpenApiSerializerFieldExtension):
    """Any text that is not empty after cleaning; the length counts what is left."""

    target_class = WrittenField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """For the OpenAPI document."""
        schema: Schema = {"type": "string", **at_most(self.target.most, f"[{_TAKEN_OUT}]")}
        return schema if self.target.allow_blank else {**schema, "pattern": f"[^{_TAKEN_OUT}]"}


def cleaned(text: str, *, has_lines: bool) -> str:
    """The text in NFC without control characters; on one line, or with line feeds as line breaks."""
    text = _LAYOUT.sub("", _LINE_BREAK.sub("\n", text))
    if not has_lines:
        text = " ".join(text.split())
    return unicodedata.normalize("NFC", CONTROL_CHARACTER.sub("", text)).strip()


class AnswerSerializer(BodySerializer[Any]):
    """A visitor's body. The view checks `token` first."""

    read_elsewhere = ("token",)
    token = StrictCharField(max_length=200, help_text="From the page's `state`.")
    imageId = IdField()


class VoteInSerializer(AnswerSerializer):
    """One vote; an empty choice withdraws it."""

    choice = StrictCharField(max_length=20, allow_blank=True)


class CommentInSerializer(AnswerSerializer):
    """One comment. `website` is a hidden field that only robots fill in."""

    replyTo = IdField(required=False, allow_null=True)
    name = WrittenField(most=MOST_NAME, allow_blank=True, required=False, default="", allow_null=True)
    text = WrittenField(most=MOST_TEXT, has_lines=True)
    website = WrittenField(most=MOST_TEXT, allow_blank=True, required=False, default="", allow_null=True)
