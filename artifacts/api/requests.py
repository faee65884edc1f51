"""Input: the bodies and filters of artifact routes, checked field by field."""

from typing import Any

from rest_framework import serializers

from artifacts import options
from artifacts.generator import Generator, generators
from artifacts.making.services import MOST_PROJECTS
from dali.lib.web.input.bodies import BodySerializer, FilterSerializer
from dali.lib.web.input.fields import IdField, StrictCharField, StrictListField, StrictObjectField
from dali.lib.web.schema.fields import NOT_BLANK, Schema
from progressions.pipeline.intake.body import SessionIdField

MOST_TITLE = 200
_NULL: Schema = {"type": "null"}


def _options_of(generator: Generator) -> Schema:
    schema = options.schema_of(generator.options)
    return {**schema, "type": ["object", "null"]}


class LookbookInSerializer(BodySerializer[Any]):
    """The body for a project's lookbook."""

    title = StrictCharField(max_length=MOST_TITLE, required=False, allow_null=True, allow_blank=True)
    options = StrictObjectField(required=False, allow_null=True)
    sessionId = SessionIdField(required=False, allow_null=True)

    @classmethod
    def schema_rules(cls) -> Schema:
        """The options of the lookbook generator."""
        return {"properties": {"options": _options_of(generators.get("lookbook"))}}


class ArtifactInSerializer(BodySerializer[Any]):
    """The body that creates an artifact: a generator, or a stored template to fill."""

    generator = StrictCharField(max_length=60, required=False, allow_null=True)
    templateR2Key = StrictCharField(max_length=300, required=False, allow_null=True)
    title = StrictCharField(max_length=MOST_TITLE, required=False, allow_null=True, allow_blank=True)
    projectIds = StrictListField(child=IdField(), allow_empty=False, max_length=MOST_PROJECTS)
    options = StrictObjectField(required=False, allow_null=True)
    sessionId = SessionIdField(required=False, allow_null=True)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Checks that exactly one of the two is given, with what it needs."""
        has_generator, has_template = bool(given.get("generator")), bool(given.get("templateR2Key"))
        if has_generator == has_template:
            raise serializers.ValidationError(
                {"generator": "send either generator or templateR2Key, not both."}
            )
        if has_template and not given.get("title"):
            raise serializers.ValidationError({"title": "is missing; send text."}, code="required")
        if has_template and given.get("options"):
            raise serializers.ValidationError({"options": "a template has no options; omit them."})
        return given

    @classmethod
    def schema_rules(cls) -> Schema:
        """The rules of `validate`, and the options of each generator."""
        of_generators = [
            {
                "title": generator.title,
                "required": ["generator"],
                "properties": {
                    "generator": {"const": generator.name},
                    "templateR2Key": _NULL,
                    "options": _options_of(generator),
                },
            }
            for generator in generators.all()
        ]
        of_template = {
            "title": "A template to fill",
            "required": ["templateR2Key", "title"],
            "properties": {
                "templateR2Key": {"type": "string"},
                "title": {"type": "string", "pattern": NOT_BLANK},
                "generator": _NULL,
                "options": {"type": ["object", "null"], "maxProperties": 0},
            },
        }
        return {"anyOf": [*of_generators, of_template]}


class AssociateInSerializer(BodySerializer[Any]):
    """One or more projects."""

    projectId = IdField(required=False, allow_null=True)
    projectIds = StrictListField(
        child=IdField(), allow_empty=False, max_length=MOST_PROJECTS, required=False, allow_null=True
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Checks that at least one of the two is given."""
        if not given.get("projectId") and not given.get("projectIds"):
            raise serializers.ValidationError({"projectId": "is missing; send projectId or projectIds."})
        return given

    @classmethod
    def schema_rules(cls) -> Schema:
        """The rules of `validate`."""
        return {
            "anyOf": [
                {"required": ["projectId"], "properties": {"projectId": {"type": "string"}}},
                {"required": ["projectIds"], "properties": {"projectIds": {"type": "array"}}},
            ]
        }


class ArtifactFilterSerializer(FilterSerializer[Any]):
    """Filters of the artifact list."""

    projectId = IdField(required=False, help_text="Only artifacts of this project.")
    generator = StrictCharField(
        required=False, allow_blank=True, help_text="Only artifacts made by this generator."
    )
