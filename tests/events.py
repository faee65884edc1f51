"""Checks events against the OpenAPI document; every event that a test uses goes through here."""

from functools import cache
from typing import Any

from openapi_schema_validator import OAS31Validator

from progressions.stream.event_types import STORED
from progressions.stream.schema import stored_schema


def check_documented(event: dict[str, Any]) -> None:
    """AssertionError unless the event has exactly one of the documented forms and no undocumented field."""
    forms = [schema for schema in _forms(event["type"]) if OAS31Validator(schema).is_valid(event)]
    assert len(forms) == 1, f"an event matches {len(forms)} forms: {event}"
    assert set(event) <= set(forms[0]["properties"]), f"undocumented fields: {event}"


@cache
def _forms(type_: str) -> list[dict[str, Any]]:
    return [stored_schema(form) for form in STORED[type_]]
