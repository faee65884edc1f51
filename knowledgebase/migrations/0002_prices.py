"""The price table."""

from decimal import Decimal

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledgebase", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Price",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "service",
                    models.CharField(
                        help_text="As in usage records: openai, gemini, workers.", max_length=40
                    ),
                ),
                ("model", models.CharField(help_text="The model's name as it is asked for.", max_length=120)),
                (
                    "unit",
                    models.CharField(
                        help_text="One of the units that usage records speak of.", max_length=30
                    ),
                ),
                (
                    "usd",
                    models.DecimalField(
                        decimal_places=8,
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(Decimal(0))],
                        verbose_name="US dollars",
                    ),
                ),
                (
                    "per",
                    models.PositiveIntegerField(
                        choices=[(1, "one"), (1000000, "a million")],
                        help_text="How many units that is for.",
                        verbose_name="for",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        help_text="Where the price was read, and how sure it is.", max_length=300
                    ),
                ),
                ("read_on", models.DateField(help_text="When it was read there.")),
                (
                    "valid_from",
                    models.DateField(
                        blank=True,
                        help_text="The first day (UTC) it holds; empty: from ever, until a later one.",
                        null=True,
                    ),
                ),
                (
                    "enabled",
                    models.BooleanField(
                        default=True, help_text="Switched off, the price counts as not known."
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "db_table": "prices",
                "ordering": ["service", "model", "unit", "valid_from"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("service", "model", "unit", "valid_from"), name="prices_from_day"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("valid_from__isnull", True)),
                        fields=("service", "model", "unit"),
                        name="prices_from_ever",
                    ),
                ],
            },
        ),
    ]
