"""Rows of the knowledge base: tips for prompts, and prices."""

from decimal import Decimal

from django.core.validators import MinValueValidator
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
    given_digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        editable=False,
        help_text="Of the tip as `seed` or `import_tips` last wrote it: one that differs is a curator's work.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "knowledge_base"
        ordering = ["provider", "position", "key"]
        indexes = [models.Index(fields=["provider", "enabled", "position"], name="knowledge_base_provider")]

    def __str__(self) -> str:
        return self.key


class Price(models.Model):
    """What a service charges for one unit of one model's work, from a day on.

    `usd` is for `per` units; `source` says where it was read and how sure it is, `read_on` when.
    """

    id = models.BigAutoField(primary_key=True)
    service = models.CharField(max_length=40, help_text="As in usage records: openai, gemini, workers.")
    model = models.CharField(max_length=120, help_text="The model's name as it is asked for.")
    unit = models.CharField(max_length=30, help_text="One of the units that usage records speak of.")
    usd = models.DecimalField(
        "US dollars", max_digits=14, decimal_places=8, validators=[MinValueValidator(Decimal(0))]
    )
    per = models.PositiveIntegerField(
        "for", choices=[(1, "one"), (1_000_000, "a million")], help_text="How many units that is for."
    )
    source = models.CharField(max_length=300, help_text="Where the price was read, and how sure it is.")
    read_on = models.DateField(help_text="When it was read there.")
    valid_from = models.DateField(
        null=True, blank=True, help_text="The first day (UTC) it holds; empty: from ever, until a later one."
    )
    enabled = models.BooleanField(default=True, help_text="Switched off, the price counts as not known.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "prices"
        ordering = ["service", "model", "unit", "valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "model", "unit", "valid_from"], name="prices_from_day"
            ),
            models.UniqueConstraint(
                fields=["service", "model", "unit"],
                name="prices_from_ever",
                condition=models.Q(valid_from__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.model}: {self.unit.replace('_', ' ')}"
