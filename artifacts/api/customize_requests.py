"""Input and output of `customize`."""

from typing import Any

from rest_framework import serializers

from dali.lib.web.input.bodies import BodySerializer
from dali.lib.web.input.fields import StrictCharField
from progressions.pipeline.intake.body import SessionIdField

MOST_INPUT = 4_000


class CustomizeInSerializer(BodySerializer[Any]):
    """A message to the Artifact Agent."""

    sessionId = SessionIdField(help_text="Identifies the chat; events go to its stream.")
    input = StrictCharField(
        max_length=MOST_INPUT,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="The user's message; empty to start, or to repeat the question.",
    )


class ChoiceSerializer(serializers.Serializer[Any]):
    """A numbered choice."""

    n = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name, not the serializer's label
    value = serializers.CharField(allow_blank=True)
    thumbnailUrl = serializers.CharField(required=False, help_text="For images.")


class CustomizeSerializer(serializers.Serializer[Any]):
    """The agent's answer."""

    reply = serializers.CharField()
    sessionId = serializers.CharField()
    artifactId = serializers.UUIDField()
    filled = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        help_text="Value by placeholder; empty if it was skipped.",
    )
    remaining = serializers.ListField(child=serializers.CharField())
    choices = ChoiceSerializer(many=True)
    done = serializers.BooleanField(help_text="Whether everything is filled and the page is up to date.")
    public_slug = serializers.CharField(required=False, help_text="Present once there is a page.")
