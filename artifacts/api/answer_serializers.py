"""Output: votes and comments as an artifact's owner sees them, and the filter for them."""

from typing import Any

from rest_framework import serializers

from artifacts.boards.export import TABLES
from artifacts.boards.results import ImageResults, Results
from artifacts.models import Comment
from dali.lib.web.input.bodies import FilterSerializer
from dali.lib.web.input.fields import EpochMsField, UrlOutField, WordField


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A visitor's comment."""

    replyTo = serializers.UUIDField(source="reply_to_id", allow_null=True, read_only=True)
    hidden = serializers.BooleanField(
        source="is_hidden", read_only=True, help_text="Whether it is hidden from visitors."
    )
    createdAt = EpochMsField(source="created_at")

    class Meta:
        model = Comment
        fields = ("id", "replyTo", "name", "text", "hidden", "createdAt")
        read_only_fields = fields


class ImageResultsSerializer(serializers.Serializer[ImageResults]):
    """The totals of one image."""

    id = serializers.UUIDField()
    number = serializers.IntegerField(
        allow_null=True, help_text="Its place on the page; null if it is no longer there."
    )
    prompt = serializers.CharField(help_text="Empty if the image is gone.")
    url = UrlOutField(help_text="Null if the image is gone.")
    votes = serializers.DictField(child=serializers.IntegerField(), help_text="By choice.")
    comments = CommentSerializer(many=True, help_text="Oldest first.")


class ResultsSerializer(serializers.Serializer[Results]):
    """The totals of all images."""

    closed = serializers.BooleanField()
    voters = serializers.IntegerField(help_text="Visitors who voted.")
    votes = serializers.DictField(child=serializers.IntegerField(), help_text="By choice.")
    comments = serializers.IntegerField(help_text="All comments, including hidden ones.")
    images = ImageResultsSerializer(many=True)


class TableSerializer(FilterSerializer[Any]):
    """Which table to export."""

    table = WordField(
        choices=TABLES,
        required=False,
        help_text="`answers` (default): one line per vote or comment; `images`: one per image.",
    )
