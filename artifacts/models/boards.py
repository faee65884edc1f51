"""Visitors' votes and comments on decks and boards."""

from django.db import models
from django.utils import timezone

from artifacts.models.artifacts import Artifact
from dali.lib.ids import new_id


class Vote(models.Model):
    """A visitor's vote on one image; voting again changes it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="votes")
    image_id = models.UUIDField(help_text="Id of the progression; it may no longer exist.")
    visitor = models.CharField(max_length=32, help_text="Random id of the visitor's browser.")
    choice = models.CharField(max_length=20)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "artifact_votes"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "image_id", "visitor"], name="artifact_votes_visitor")
        ]
        indexes = [models.Index(fields=["artifact", "image_id", "choice"], name="artifact_votes_totals")]

    def __str__(self) -> str:
        return f"{self.choice} {self.image_id}"


class Comment(models.Model):
    """A visitor's comment on one image, or a reply to another comment there (one level deep)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="comments")
    image_id = models.UUIDField(help_text="Id of the progression; it may no longer exist.")
    reply_to = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies"
    )
    visitor = models.CharField(max_length=32, help_text="Random id of the visitor's browser.")
    name = models.CharField(max_length=80, blank=True, default="", help_text="As entered by the visitor.")
    text = models.TextField()
    is_hidden = models.BooleanField(default=False, help_text="Whether it is hidden from visitors.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "artifact_comments"
        ordering = ["-id"]
        indexes = [models.Index(fields=["artifact", "image_id", "id"], name="artifact_comments_image")]

    def __str__(self) -> str:
        return self.text[:60]
