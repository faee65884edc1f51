"""The lease columns of builds: who holds one, and the pause while its storage is away."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("artifacts", "0004_answering"),
    ]

    operations = [
        migrations.AddField(
            model_name="artifact",
            name="lease_owner",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="artifact",
            name="not_before",
            field=models.DateTimeField(
                blank=True, help_text="Its storage was away: it is not built again before then.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="artifact",
            name="lease_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
