"""Output: artifacts, generators, templates, views."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from artifacts.generator import Generator
from artifacts.models import Artifact, Template
from artifacts.options import OptionDescription, describe
from dali.lib.web.addresses import absolute_url
from dali.lib.web.input.fields import EpochMsField, TextOrNullField

OUTPUTS = ["html", "pdf", "json", "video", "3d", "csv"]


class ArtifactSerializer(serializers.ModelSerializer[Artifact]):
    """A page, document or film made from finished work."""

    artifact_id = serializers.UUIDField(source="id", read_only=True, help_text="The same as `id`.")
    project_id = serializers.SerializerMethodField(help_text="The first of its projects.")
    project_ids = serializers.SerializerMethodField()
    output = serializers.ChoiceField(choices=OUTPUTS, read_only=True)
    generator = TextOrNullField(help_text="Null for a template.")
    error = TextOrNullField()
    template_r2_key = TextOrNullField()
    content_r2_key = TextOrNullField(help_text="Key in the published storage; null until there is content.")
    r2_key = TextOrNullField(source="content_r2_key", help_text="The same as `content_r2_key`.")
    public_url = serializers.SerializerMethodField(help_text="Opens while the artifact is published.")
    configuration = serializers.SerializerMethodField(help_text="The values of a template's placeholders.")
    options = serializers.DictField(read_only=True)
    manifest = serializers.DictField(read_only=True, help_text="What it was made from, and its files.")
    closed = serializers.SerializerMethodField(
        help_text="Whether its page no longer takes votes and comments."
    )
    created_at = EpochMsField()
    updated_at = EpochMsField()

    class Meta:
        model = Artifact
        fields = (
            "id", "artifact_id", "owner_id", "project_id", "project_ids", "title", "generator", "output", "status",
            "error", "template_r2_key", "content_r2_key", "r2_key", "public_slug", "public_url", "options",
            "configuration", "manifest", "closed", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_project_ids(self, artifact: Artifact) -> list[str]:
        """In the order they were added."""
        rows = sorted(artifact.projectartifact_set.all(), key=lambda row: row.id)
        return [str(row.project_id) for row in rows]

    def get_project_id(self, artifact: Artifact) -> str | None:
        """The first; null if its projects are gone."""
        return next(iter(self.get_project_ids(artifact)), None)

    def get_public_url(self, artifact: Artifact) -> str | None:
        """An absolute URL."""
        return absolute_url(artifact.public_path) or None

    def get_closed(self, artifact: Artifact) -> bool:
        """False for a page that never takes answers."""
        return artifact.closed_at is not None

    def get_configuration(self, artifact: Artifact) -> dict[str, str]:
        """Value by placeholder."""
        return {row.config_key: row.config_value for row in artifact.configurations.all()}


class TemplateSerializer(serializers.ModelSerializer[Template]):
    """A stored page with placeholders."""

    templateR2Key = serializers.CharField(
        source="r2_key", read_only=True, help_text="The value to send to `POST /api/artifacts`."
    )
    placeholders = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Placeholder names, in page order."
    )
    name = serializers.CharField(read_only=True, help_text="The file name of the first upload.")
    problems = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="What cannot be filled, in sentences.",
    )
    createdAt = EpochMsField(source="created_at")

    class Meta:
        model = Template
        fields = ("templateR2Key", "placeholders", "name", "bytes", "problems", "createdAt")
        read_only_fields = fields


class OptionSerializer(serializers.Serializer[OptionDescription]):
    """One option of a generator."""

    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["boolean", "integer", "number", "string"])
    default = serializers.JSONField()
    choices = serializers.ListField(child=serializers.CharField(), required=False)
    least = serializers.FloatField(required=False, help_text="Smallest number.")
    most = serializers.FloatField(required=False, help_text="The largest number, or the maximum length.")
    help = serializers.CharField()


class GeneratorSerializer(serializers.Serializer[Generator]):
    """One kind of artifact."""

    id = serializers.CharField(source="name")
    name = serializers.CharField(source="title")
    description = serializers.CharField()
    output = serializers.ChoiceField(choices=OUTPUTS)
    options = serializers.SerializerMethodField()

    @extend_schema_field(OptionSerializer(many=True))
    def get_options(self, generator: Generator) -> list[OptionDescription]:
        """Described from the options dataclass."""
        return describe(generator.options)


class DayViewsSerializer(serializers.Serializer[Any]):
    """Views on one day."""

    day = serializers.DateField(help_text="UTC.")
    views = serializers.IntegerField()


class CountryViewsSerializer(serializers.Serializer[Any]):
    """Views from one country."""

    country = serializers.CharField(allow_null=True, help_text="ISO 3166 code; null if unknown.")
    views = serializers.IntegerField()


class AgentViewsSerializer(serializers.Serializer[Any]):
    """Views by one kind of browser."""

    agent = serializers.CharField()
    views = serializers.IntegerField()
    bot = serializers.BooleanField()


class ViewsSerializer(serializers.Serializer[Any]):
    """An artifact's views."""

    total = serializers.IntegerField(help_text="All views, including bots.")
    by_day = DayViewsSerializer(many=True)
    by_country = CountryViewsSerializer(many=True)
    by_agent = AgentViewsSerializer(many=True)
