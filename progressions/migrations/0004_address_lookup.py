"""Indexes for finding images by the address they are delivered under."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("progressions", "0003_search_indexes")]

    operations = [
        migrations.AddIndex(
            "imageprogression", models.Index(fields=["generated_image_url"], name="progressions_address")
        ),
        migrations.AddIndex(
            "imageprogression",
            models.Index(fields=["start_image_delivery_url"], name="progressions_start_address"),
        ),
        migrations.AddIndex("job", models.Index(fields=["start_image_delivery"], name="jobs_start_address")),
    ]
