"""Search texts of old rows in NFC, in short transactions: the table stays in use, and a stop costs one batch."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def compose(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    from progressions.models.search_indexes import compose_search_texts

    compose_search_texts(editor.connection)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("progressions", "0009_hash_versions")]

    operations = [migrations.RunPython(compose, migrations.RunPython.noop)]
