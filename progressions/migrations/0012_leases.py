"""Lease columns of rewrites and of late judging: who holds a row, and the token of each claim."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


def move_pauses(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """`lease_until` also was the pause after a failure. A row without a failure was claimed: its call may be billed."""
    rows = apps.get_model("progressions", "Rewrite").objects.filter(text="", lease_until__isnull=False)
    rows.filter(fault="").update(lease_token=1)
    rows.exclude(fault="").update(not_before=F("lease_until"), lease_until=None)


class Migration(migrations.Migration):
    dependencies = [
        ("progressions", "0011_idempotency_keys"),
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="imageprogression",
            name="lease_owner",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="imageprogression",
            name="lease_token",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="imageprogression",
            name="lease_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="rewrite",
            name="lease_owner",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="rewrite",
            name="lease_token",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="rewrite",
            name="not_before",
            field=models.DateTimeField(
                blank=True, help_text="After a failure the model is not asked again before then.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="rewrite",
            name="lease_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="imageprogression",
            index=models.Index(
                condition=models.Q(("lease_until__isnull", False)),
                fields=["lease_until"],
                name="progressions_held",
            ),
        ),
        migrations.RunPython(move_pauses, migrations.RunPython.noop),
    ]
