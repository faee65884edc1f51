"""Which process is rewriting a prompt, and what has just failed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("progressions", "0006_rewrites"),
    ]

    operations = [
        migrations.AddField(
            model_name="rewrite",
            name="fault",
            field=models.CharField(blank=True, help_text="Why it was not written.", max_length=300),
        ),
        migrations.AddField(
            model_name="rewrite",
            name="lease_until",
            field=models.DateTimeField(
                blank=True, help_text="Until then one process asks for it, or none may.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="rewrite",
            name="text",
            field=models.TextField(
                blank=True, help_text="Empty while it is asked for, and where that failed."
            ),
        ),
    ]
