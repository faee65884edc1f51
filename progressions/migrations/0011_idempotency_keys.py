"""Idempotency keys get a table of their own: other routes than submissions take them too."""

from datetime import timedelta
from typing import Any

import django.utils.timezone
from django.db import migrations, models

KEPT = timedelta(days=7)
BATCH = 1_000


def copy_keys(apps: Any, schema_editor: Any) -> None:
    """The keys of jobs that are not too old yet."""
    job, key = (apps.get_model("progressions", name) for name in ("Job", "IdempotencyKey"))
    since = django.utils.timezone.now() - KEPT
    rows = job.objects.filter(idempotency_key__isnull=False, created_at__gte=since)
    columns = ("id", "project_id", "idempotency_key", "idempotency_digest", "created_at")
    key.objects.bulk_create(
        (
            key(
                scope=f"projects/{row['project_id']}/jobs",
                key=row["idempotency_key"],
                digest=row["idempotency_digest"],
                made_id=row["id"],
                status=202,
                created_at=row["created_at"],
            )
            for row in rows.values(*columns).iterator(BATCH)
        ),
        batch_size=BATCH,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("progressions", "0010_compose_search_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scope", models.CharField(help_text="The route, with the ids of its path.", max_length=100)),
                (
                    "owner",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Prefix of the API key; empty for a project's jobs.",
                        max_length=16,
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("digest", models.CharField(help_text="Of the parsed body.", max_length=64)),
                ("made_id", models.UUIDField(help_text="The job, image or artifact that was made.")),
                ("status", models.PositiveSmallIntegerField(help_text="HTTP status of the answer.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "idempotency_keys",
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["created_at"], name="idempotency_keys_created")],
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "owner", "key"), name="idempotency_keys_scope")
                ],
            },
        ),
        migrations.RunPython(copy_keys, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="job", name="jobs_idempotency_key"),
        migrations.RemoveField(model_name="job", name="idempotency_digest"),
        migrations.RemoveField(model_name="job", name="idempotency_key"),
    ]
