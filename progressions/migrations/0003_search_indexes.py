"""Indexes for the filters by text and tags, as each database can make them."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    from progressions.models.search_indexes import ensure_search_indexes

    ensure_search_indexes(editor.connection)


def drop(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    from progressions.models.search_indexes import drop_search_indexes

    drop_search_indexes(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("progressions", "0002_near_duplicates")]

    operations = [migrations.RunPython(make, drop)]
