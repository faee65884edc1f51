"""Rows of the knowledge base: tips for prompts, and prices."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models


class Tip(models.Model):
    """Advice on prompts for one provider, and words that it adds to a prompt.

    `value` is `{"guidance": str, "addition": str, "kinds": [str], "keywords": [str]}`: advice for a person or a
    rewriting model, the words to add, the kinds of work it applies to (empty: all), and words of which the prompt must
    contain one (empty: any prompt).
    """

    key = models.CharField(
        max_length=100,
        primary_key=True,
        help_text="A provider, a dot and a subject, as in name.camera-language.",
    )
    value = models.JSONField(default=dict)
    provider = models.CharField(max_length=40)
    enabled = models.BooleanField(default=True)
    position = models.IntegerField(default=0, help_text="Tips are applied in ascending order.")
    given_digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        editable=False,
        help_text="Digest of what `seed` or `import_tips` last wrote. If the tip differs, a curator changed it.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "knowledge_base"
        ordering = ["provider", "position", "key"]
        indexes = [models.Index(fields=["provider", "enabled", "position"], name="knowledge_base_provider")]

    def __str__(self) -> str:
        return self.key


class Price(models.Model):
    """What a service charges for a unit of one model, from a day on.

    `usd` is the price of `per` units; `source` says where it was read and how reliable it is, `read_on` when.
    """

    id = models.BigAutoField(primary_key=True)
    service = models.CharField(max_length=40, help_text="The service's name, as in usage records.")
    model = models.CharField(max_length=120, help_text="The model's name, as in requests.")
    unit = models.CharField(max_length=30, help_text="A unit of usage records.")
    usd = models.DecimalField(
        "US dollars", max_digits=14, decimal_places=8, validators=[MinValueValidator(Decimal(0))]
    )
    per = models.PositiveIntegerField(
        "for",
        choices=[(1, "one"), (1_000_000, "a million")],
        help_text="The number of units that the price is for.",
    )
    source = models.CharField(max_length=300, help_text="Where the price was read, and how reliable it is.")
    read_on = models.DateField(help_text="The day when it was read.")
    valid_from = models.DateField(
        null=True, blank=True, help_text="The first day (UTC) it applies; empty: always, until a later price."
    )
    enabled = models.BooleanField(default=True, help_text="If switched off, the price counts as unknown.")
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
