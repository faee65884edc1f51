"""How the OpenAPI document is made of the views: who needs a key, and which errors each route answers."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction
from rest_framework import serializers
from rest_framework.permissions import AllowAny

WITHOUT_KEY: dict[str, list[str]] = {}


class ErrorItemSerializer(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="A word for programs, as `required`.")
    detail = serializers.CharField(help_text="A sentence for people: the field, the value and the cure.")
    attr = serializers.CharField(
        allow_null=True, help_text="The field at fault, as `variants` or `models.openai`."
    )


class ErrorSerializer(serializers.Serializer[Any]):
    """The one shape of every error."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = ErrorItemSerializer(many=True)  # type: ignore[assignment]  # the field's name


class DaliSchema(AutoSchema):
    """Adds to each operation the errors that follow from what the view is."""

    def get_auth(self) -> list[dict[str, Any]]:
        """Reads may come without a key (unless the server or the route asks one of all), writes may not."""
        auths = super().get_auth()
        asks = any(getattr(permission, "asks_always", False) for permission in self.view.get_permissions())
        is_open = bool(auths) and self.method == "GET" and not asks
        return [*auths, WITHOUT_KEY] if is_open and WITHOUT_KEY not in auths else auths

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction=direction)
        for code, text in self._errors().items():
            if code not in responses:
                responses[code] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    ErrorSerializer, code, direction=direction
                )
                responses[code]["description"] = text
        for code in ("429", "503"):
            if code in responses:
                responses[code]["headers"] = {
                    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}
                }
        return dict(sorted(responses.items()))

    def _errors(self) -> dict[str, str]:
        parameters = {parameter["in"] for parameter in self._get_parameters()}
        found = {"503": "A dependency is down."}
        if not any(isinstance(permission, AllowAny) for permission in self.view.get_permissions()):
            found["401"] = "No key where one is needed, or a wrong one."
        if "path" in parameters:
            found["404"] = "There is no such thing."
        if "query" in parameters or self.method in ("POST", "PATCH", "PUT"):
            found["400"] = "Bad input."
        if self.method in ("POST", "PATCH", "PUT"):
            found["413"] = "The body is too large."
            found["415"] = "The body is of a media type that is not taken here."
        if self.view.get_throttles():
            found["429"] = "Too many requests."
        return found
