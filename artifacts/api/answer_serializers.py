"""JSON out: what an artifact's owner sees of what was said on its page; and what may be asked of it."""

from typing import Any

from rest_framework import serializers

from artifacts.boards.export import TABLES
from artifacts.boards.results import ImageResults, Results
from artifacts.models import Comment
from dali.lib.web.input.bodies import FilterSerializer
from dali.lib.web.input.fields import EpochMsField, UrlOutField, WordField


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """What a visitor wrote."""

    replyTo = serializers.UUIDField(source="reply_to_id", allow_null=True, read_only=True)
    hidden = serializers.BooleanField(
        source="is_hidden", read_only=True, help_text="Whether visitors do not see it."
    )
    createdAt = EpochMsField(source="created_at")

    class Meta:
        model = Comment
        fields = ("id", "replyTo", "name", "text", "hidden", "createdAt")
        read_only_fields = fields


class ImageResultsSerializer(serializers.Serializer[ImageResults]):
    """What was said of one image."""

    id = serializers.UUIDField()
    number = serializers.IntegerField(
        allow_null=True, help_text="Its place on the page; null where it is not there any more."
    )
    prompt = serializers.CharField(help_text="Empty where the image is gone.")
    url = UrlOutField(help_text="Null where the image is gone.")
    votes = serializers.DictField(child=serializers.IntegerField(), help_text="By choice.")
    comments = CommentSerializer(many=True, help_text="Oldest first.")


class ResultsSerializer(serializers.Serializer[Results]):
    """What was said of all images."""

    closed = serializers.BooleanField()
    voters = serializers.IntegerField(help_text="Visitors who voted.")
    votes = serializers.DictField(child=serializers.IntegerField(), help_text="By choice.")
    comments = serializers.IntegerField(help_text="All of them, hidden ones too.")
    images = ImageResultsSerializer(many=True)


class TableSerializer(FilterSerializer[Any]):
    """Which table is exported."""

    table = WordField(
        choices=TABLES,
        required=False,
        help_text="`answers` (default): a line for each vote and comment; `images`: one for each image.",
    )
