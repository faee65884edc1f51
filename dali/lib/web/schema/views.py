"""Makes the OpenAPI document from the views: who needs a key, which errors each route answers, which rules hold.

Each kind of field is described in dali.lib.web.schema.fields. A serializer that checks more than its
fields describes that in `schema_rules`, a class method that returns JSON Schema to merge into its own.
"""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction
from rest_framework import serializers

from dali.lib.web.input.fields import StrictCharField

Schema = dict[str, Any]

WITHOUT_KEY: dict[str, list[str]] = {}
_WRITES = ("POST", "PATCH", "PUT")
_WAIT = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}}
_LINK = {
    "Link": {
        "schema": {"type": "string", "pattern": '^<[^>]+>; rel="next"$'},
        "description": 'The next page (`rel="next"`), if there is one.',
    }
}
_JSON = "application/json"
_RULES = "x-rules"  # in a component until the document is finished


class ErrorItemSerializer(serializers.Serializer[Any]):
    """One error."""

    code = serializers.CharField(help_text="A code for programs, such as `required`.")
    detail = serializers.CharField(
        help_text="A sentence for people: the field, the value and what to send instead."
    )
    attr = serializers.CharField(
        allow_null=True, help_text="The field at fault, such as `variants` or `models.openai`."
    )


class ErrorSerializer(serializers.Serializer[Any]):
    """The format of every error."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = ErrorItemSerializer(many=True)  # type: ignore[assignment]  # the field's name


def error_answers(texts: dict[int, str]) -> dict[str, Any]:
    """Error answers by status, for routes that are not Django's."""
    return {
        str(status): {
            "description": text,
            "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
            **({"headers": _WAIT} if status in (429, 503) else {}),
        }
        for status, text in sorted(texts.items())
    }


def merged(schema: Schema, more: Schema) -> Schema:
    """Both schemas. Objects in both are merged; otherwise `more` wins."""
    result = dict(schema)
    for name, value in more.items():
        known = result.get(name)
        both = isinstance(known, dict) and isinstance(value, dict)
        result[name] = merged(result[name], value) if both else value
    return result


def with_rules(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """The components with the rules of their serializers merged in: once drf-spectacular has named the enums."""
    return {name: merged(schema, schema.pop(_RULES, {})) for name, schema in schemas.items()}


class DaliSchema(AutoSchema):
    """Adds what follows from the view to each operation, and a serializer's own rules to each body."""

    def get_auth(self) -> list[dict[str, Any]]:
        """Reads need no key unless the server or the route asks for one; writes do."""
        auths = super().get_auth()
        asks = any(getattr(permission, "asks_always", False) for permission in self.view.get_permissions())
        is_open = bool(auths) and self.method == "GET" and not asks
        return [*auths, WITHOUT_KEY] if is_open and WITHOUT_KEY not in auths else auths

    def _map_serializer(self, serializer: Any, direction: Direction, *args: Any, **kwargs: Any) -> Any:
        schema = super()._map_serializer(serializer, direction, *args, **kwargs)  # type: ignore[no-untyped-call]
        rules = getattr(serializer, "schema_rules", None) if direction == "request" else None
        return schema | {_RULES: rules()} if rules else schema

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        if not isinstance(field, StrictCharField):  # its extension describes what it checks
            super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]

    def _get_parameters(self) -> list[dict[str, Any]]:
        """An empty query parameter means the same as an absent one."""
        parameters: list[dict[str, Any]] = super()._get_parameters()
        for parameter in parameters:
            if parameter["in"] == "query":
                parameter["allowEmptyValue"] = True
        return parameters

    def _get_request_body(self, direction: Direction = "request") -> Any:
        """A body is required if its rules need one of several fields, though no single field is required."""
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body and "anyOf" in getattr(self.get_request_serializer(), "schema_rules", dict)():
            body["required"] = True
        return body

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction=direction)
        for code, text in self._errors().items():
            if code not in responses:
                answer = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    ErrorSerializer, code, media_types=[_JSON], direction=direction
                )
                responses[code] = answer | {"description": text}
        for code in ("429", "503"):
            if code in responses:
                responses[code]["headers"] = _WAIT
        if self.method == "GET" and any(one["name"] == "limit" for one in self._get_parameters()):
            responses["200"].setdefault("headers", {}).update(_LINK)
        return dict(sorted(responses.items()))

    def _errors(self) -> dict[str, str]:
        parameters = {parameter["in"] for parameter in self._get_parameters()}
        found = {
            "406": "The answer has none of the media types in `Accept`.",
            "503": "A service that Dali depends on is unavailable.",
        }
        if self.view.get_authenticators():
            found["401"] = "The key is missing or wrong."
        if "path" in parameters:
            found["404"] = "Not found."
        if "query" in parameters or self.method in _WRITES:
            found["400"] = "Bad input."
        if self.method in _WRITES:
            found["413"] = "The body is too large."
            found["415"] = "The body's media type is not supported."
        if self.view.get_throttles():
            found["429"] = "Too many requests."
        return found
