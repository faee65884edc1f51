"""Prompts that a text model has rewritten."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("progressions", "0005_ledger"),
    ]

    operations = [
        migrations.CreateModel(
            name="Rewrite",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "digest",
                    models.CharField(
                        help_text="Of the model, the prompt, the kind and the tips; sha256.",
                        max_length=64,
                        unique=True,
                    ),
                ),
                ("text", models.TextField()),
                (
                    "usage",
                    models.JSONField(
                        blank=True, default=dict, help_text="Units as the service reports them."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "rewrites",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["created_at"], name="rewrites_created")],
            },
        ),
    ]
