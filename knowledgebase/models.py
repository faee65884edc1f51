"""Rows of the knowledge base: one tip each."""

from django.db import models


class Tip(models.Model):
    """What is known about prompting one provider, and the words it adds to a prompt.

    `value` is `{"guidance": str, "addition": str, "kinds": [str], "keywords": [str]}`: guidance for
    a person or a rewriting model, the words added, the kinds of work it fits (empty: all) and the
    words of a prompt that call for it (empty: any prompt).
    """

    key = models.CharField(
        max_length=100, primary_key=True, help_text="Provider, dot, subject: as openai.camera-language."
    )
    value = models.JSONField(default=dict)
    provider = models.CharField(max_length=40)
    enabled = models.BooleanField(default=True)
    position = models.IntegerField(default=0, help_text="Tips are applied from the lowest to the highest.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "knowledge_base"
        ordering = ["provider", "position", "key"]
        indexes = [models.Index(fields=["provider", "enabled", "position"], name="knowledge_base_provider")]

    def __str__(self) -> str:
        return self.key
