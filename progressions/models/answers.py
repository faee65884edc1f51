"""Rows of answers that wait for the originals storage."""

from django.db import models
from django.utils import timezone


class HeldAnswer(models.Model):
    """A provider's answer that the storage did not take: paid, so kept here until the storage is back.

    While a variant has one, no further call is paid for (progressions.work.claim_sql), so that they stay few.
    """

    variant = models.OneToOneField(
        "Variant", on_delete=models.CASCADE, primary_key=True, related_name="held_answer"
    )
    key = models.CharField(max_length=300, help_text="Where it belongs in the originals storage.")
    content = models.BinaryField()
    media_type = models.CharField(max_length=40)
    note = models.JSONField(default=dict, help_text="What the call cost and which model answered.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "held_answers"

    def __str__(self) -> str:
        return self.key
