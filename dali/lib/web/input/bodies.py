"""Request bodies and query parameters: unknown names are ignored, likely misspellings are refused."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from dali.lib.web.input.fields import shown
from dali.lib.web.input.near_names import find_meant

T = TypeVar("T")

WARNINGS = "warnings"  # in the answer, where something of the body was ignored
MOST_WARNINGS = 20
MISSPELT = "misspelt"


class BodySerializer(serializers.Serializer[T]):
    """A JSON object. Unknown names are ignored with a warning (`warnings_for`), so that a client may send a row back.

    A name that is probably a misspelling of an absent field is refused (`misspelt`).
    """

    default_error_messages = {"invalid": "The body is not a JSON object; send one, as {{}}."}
    # Fields that the view reads itself.
    read_elsewhere: ClassVar[tuple[str, ...]] = ()

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """The values. ValidationError names every field at fault, a misspelt one by the name that was sent."""
        if not isinstance(data, Mapping):
            raise ValidationError({"non_field_errors": [self.error_messages["invalid"].format()]}, "invalid")
        misspelt, meant = self._misspelt(data)
        try:
            values = super().run_validation(data)
        except ValidationError as error:
            others = dict(error.detail) if isinstance(error.detail, dict) else {}
            others = {name: detail for name, detail in others.items() if name not in meant}
            raise ValidationError(misspelt | others) from error
        if misspelt:
            raise ValidationError(misspelt)
        return values

    def warnings_for(self, data: Any) -> list[str]:
        """A sentence for each name of a body that is ignored."""
        unknown = [name for name in data if name not in self._known()] if isinstance(data, Mapping) else []
        told = [f"{shown(name)} is not a field of this request; it was ignored." for name in unknown]
        if len(told) > MOST_WARNINGS:
            told = [*told[:MOST_WARNINGS], f"{len(told) - MOST_WARNINGS:,} more were ignored."]
        return told

    def _known(self) -> list[str]:
        return [*self.fields, *self.read_elsewhere]

    def _misspelt(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
        known = self._known()
        sent = [name for name, value in data.items() if name not in known and value is not None]
        found = {name: field for name in sent if (field := find_meant(name, known, data))}
        return _refusals(found, "field"), set(found.values())


def first_fault(detail: Any) -> tuple[str, str]:
    """The first field that a serializer refused, dotted if it is nested, and why; of a ValidationError's detail."""
    if isinstance(detail, Mapping):
        name, inner = next(iter(detail.items()))
        field, reason = first_fault(inner)
        return ".".join(part for part in (str(name), field) if part), reason
    return first_fault(detail[0]) if isinstance(detail, list) else ("", str(detail))


class NoBodySerializer(BodySerializer[Any]):
    """For routes without a body: everything that is sent is ignored."""


class FilterSerializer(serializers.Serializer[T]):
    """The filters of a list. Empty and unknown parameters are ignored, likely misspellings are refused."""

    @classmethod
    def read(cls, request: Request, **values: Any) -> dict[str, Any]:
        """The filters of a request that are not empty; `values` are those that the caller has already read.

        Raises ValidationError.
        """
        names = list(cls._declared_fields)
        refuse_near_misses(request, names)
        texts = {name: request.query_params[name].strip() for name in names if name in request.query_params}
        given = {name: value for name, value in {**texts, **values}.items() if value}
        checked = cls(data=given)
        checked.is_valid(raise_exception=True)
        return {name: value for name, value in checked.validated_data.items() if value}


def refuse_near_misses(request: Request, known: Iterable[str]) -> None:
    """Raises ValidationError if a non-empty query parameter is probably a misspelling of a known one."""
    known, given = list(known), request.query_params
    sent = [name for name, text in given.items() if name not in known and str(text).strip()]
    if found := {name: field for name in sent if (field := find_meant(name, known, given))}:
        raise ValidationError(_refusals(found, "parameter"))


def _refusals(found: Mapping[str, str], what: str) -> dict[str, Any]:
    return {
        name: [ErrorDetail(f"{name} is not a {what} of this request; send {field}.", code=MISSPELT)]
        for name, field in found.items()
    }


def describe_warnings(
    result: dict[str, Any],
    generator: Any,
    request: Any,
    public: bool,  # noqa: FBT001 - drf-spectacular's signature
) -> dict[str, Any]:
    """Adds `warnings` to every object that a write answers, in the OpenAPI document."""
    components = result["components"]["schemas"]
    for operations in result["paths"].values():
        for method in {"post", "patch", "put"} & operations.keys():
            for code, answer in operations[method]["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
                named = components.get(schema.get("$ref", "").rpartition("/")[2], {})
                if code.startswith("2") and named.get("type") == "object":
                    named["properties"][WARNINGS] = {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "What was ignored in the body; absent if nothing was.",
                    }
    return result
