"""Rows of idempotency keys: what a request made, so that the same request sent again makes nothing more."""

from django.db import models
from django.utils import timezone


class IdempotencyKey(models.Model):
    """A key that came with a request that was done. Written in the transaction that made what `made_id` names."""

    scope = models.CharField(max_length=100, help_text="The route, with the ids of its path.")
    owner = models.CharField(
        max_length=16, blank=True, default="", help_text="Prefix of the API key; empty for a project's jobs."
    )
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="Of the parsed body.")
    made_id = models.UUIDField(help_text="The job, image or artifact that was made.")
    status = models.PositiveSmallIntegerField(help_text="HTTP status of the answer.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "idempotency_keys"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["created_at"], name="idempotency_keys_created")]
        constraints = [
            models.UniqueConstraint(fields=["scope", "owner", "key"], name="idempotency_keys_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key[:60]}"
