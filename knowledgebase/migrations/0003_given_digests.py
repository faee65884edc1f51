from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledgebase", "0002_prices"),
    ]

    operations = [
        migrations.AddField(
            model_name="tip",
            name="given_digest",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="Of the tip as `seed` or `import_tips` last wrote it: one that differs is a curator's work.",
                max_length=64,
            ),
        ),
    ]
