"""Rows of prompts that a text model has rewritten, so that each is paid for once."""

from django.db import models
from django.utils import timezone

from progressions.models.leases import Leased


class Rewrite(Leased):
    """What a text model made of a prompt, for every variant that asks for the same."""

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(
        max_length=64, unique=True, help_text="Of the model, the prompt, the kind and the tips; sha256."
    )
    text = models.TextField(blank=True, help_text="Empty while it is asked for, and where that failed.")
    usage = models.JSONField(default=dict, blank=True, help_text="Units as the service reports them.")
    fault = models.CharField(max_length=300, blank=True, help_text="Why it was not written.")
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="After a failure the model is not asked again before then."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "rewrites"
        ordering = ["-id"]
        indexes = [models.Index(fields=["created_at"], name="rewrites_created")]

    def __str__(self) -> str:
        return self.text[:80]
