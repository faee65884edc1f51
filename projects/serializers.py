"""JSON of projects, in and out."""

from rest_framework import serializers

from dali.lib.fields import EpochMsField, StrictCharField, UrlOutField
from projects.models import Project


class ProjectInSerializer(serializers.Serializer[Project]):
    """What makes or changes a project."""

    name = StrictCharField(max_length=200)
    description = StrictCharField(max_length=10_000, required=False, allow_blank=True)


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project. Needs the annotations of `queries.projects_with_counts`."""

    created_at = EpochMsField()
    updated_at = EpochMsField(help_text="Moves when work is added.")
    progression_count = serializers.IntegerField(read_only=True)
    job_count = serializers.IntegerField(read_only=True)
    cover_url = UrlOutField(
        source="cover", help_text="The newest image that passed the judge, else the newest."
    )

    class Meta:
        model = Project
        fields = (
            "id",
            "name",
            "description",
            "created_at",
            "updated_at",
            "progression_count",
            "job_count",
            "cover_url",
        )
