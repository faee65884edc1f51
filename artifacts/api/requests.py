"""JSON in: what makes, associates and filters artifacts, checked field by field."""

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
    """What a project's lookbook may be told."""

    title = StrictCharField(max_length=MOST_TITLE, required=False, allow_null=True, allow_blank=True)
    options = StrictObjectField(required=False, allow_null=True)
    sessionId = SessionIdField(required=False, allow_null=True)

    @classmethod
    def schema_rules(cls) -> Schema:
        """The options that a lookbook takes."""
        return {"properties": {"options": _options_of(generators.get("lookbook"))}}


class ArtifactInSerializer(BodySerializer[Any]):
    """What makes an artifact: a generator, or a stored template to be filled."""

    generator = StrictCharField(max_length=60, required=False, allow_null=True)
    templateR2Key = StrictCharField(max_length=300, required=False, allow_null=True)
    title = StrictCharField(max_length=MOST_TITLE, required=False, allow_null=True, allow_blank=True)
    projectIds = StrictListField(child=IdField(), allow_empty=False, max_length=MOST_PROJECTS)
    options = StrictObjectField(required=False, allow_null=True)
    sessionId = SessionIdField(required=False, allow_null=True)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """One of the two, and what that one needs."""
        has_generator, has_template = bool(given.get("generator")), bool(given.get("templateR2Key"))
        if has_generator == has_template:
            raise serializers.ValidationError(
                {"generator": "send either generator or templateR2Key, and not both."}
            )
        if has_template and not given.get("title"):
            raise serializers.ValidationError({"title": "is missing; send text."}, code="required")
        if has_template and given.get("options"):
            raise serializers.ValidationError({"options": "a template takes none; leave them out."})
        return given

    @classmethod
    def schema_rules(cls) -> Schema:
        """What `validate` checks, and the options that each generator takes."""
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
            "title": "A template to be filled",
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
    """One project or several."""

    projectId = IdField(required=False, allow_null=True)
    projectIds = StrictListField(
        child=IdField(), allow_empty=False, max_length=MOST_PROJECTS, required=False, allow_null=True
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """At least one of the two."""
        if not given.get("projectId") and not given.get("projectIds"):
            raise serializers.ValidationError({"projectId": "is missing; send projectId or projectIds."})
        return given

    @classmethod
    def schema_rules(cls) -> Schema:
        """What `validate` checks."""
        return {
            "anyOf": [
                {"required": ["projectId"], "properties": {"projectId": {"type": "string"}}},
                {"required": ["projectIds"], "properties": {"projectIds": {"type": "array"}}},
            ]
        }


class ArtifactFilterSerializer(FilterSerializer[Any]):
    """Which artifacts are listed."""

    projectId = IdField(required=False, help_text="Only those that show this project.")
    generator = StrictCharField(required=False, allow_blank=True, help_text="Only those made by it.")
