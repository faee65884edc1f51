"""The ledger of paid calls, and what a variant was expected to cost."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("progressions", "0004_address_lookup"),
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="variant",
            name="estimate_usd",
            field=models.DecimalField(
                blank=True,
                decimal_places=8,
                help_text="What one call was expected to cost at submission; null if unknown.",
                max_digits=14,
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="Charge",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "variant_id",
                    models.UUIDField(blank=True, help_text="What the call was for; may be gone.", null=True),
                ),
                ("progression_id", models.UUIDField(blank=True, null=True)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("image", "Image"),
                            ("judge", "Judge"),
                            ("refine", "Refine"),
                            ("agent", "Agent"),
                        ],
                        max_length=8,
                    ),
                ),
                ("service", models.CharField(blank=True, default="", max_length=40)),
                ("model", models.CharField(blank=True, default="", max_length=120)),
                (
                    "usage",
                    models.JSONField(
                        blank=True, default=dict, help_text="Units as the service reports them."
                    ),
                ),
                (
                    "usd",
                    models.DecimalField(
                        blank=True,
                        decimal_places=8,
                        help_text="Null where no price is known.",
                        max_digits=14,
                        null=True,
                    ),
                ),
                (
                    "is_possible",
                    models.BooleanField(
                        default=False,
                        help_text="Sent, and the answer never seen: possibly billed; `usd` is an estimate.",
                    ),
                ),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="charges",
                        to="progressions.job",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="charges",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "db_table": "charges",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["job", "purpose", "is_possible", "usd"], name="charges_job"),
                    models.Index(fields=["project", "purpose", "is_possible", "usd"], name="charges_project"),
                    models.Index(fields=["created_at", "purpose", "is_possible", "usd"], name="charges_day"),
                ],
            },
        ),
    ]
