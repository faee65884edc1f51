"""The indexes behind the filters by text and tags, as SQL of each database (progressions.api.filters asks them)."""

from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from dali.lib.texts import comparable

# Its own docid, for the rowid of a table without an integer key may change at VACUUM.
_SQLITE_TABLES = (
    "CREATE TABLE IF NOT EXISTS progression_search_ids (docid INTEGER PRIMARY KEY, id CHAR(32) NOT NULL UNIQUE)",
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS progression_search
        USING fts5(search_text, tokenize='trigram case_sensitive 1')
    """,
)
_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER IF NOT EXISTS progression_search_insert AFTER INSERT ON image_progressions BEGIN
        INSERT INTO progression_search_ids (id) VALUES (new.id);
        INSERT INTO progression_search (rowid, search_text)
            SELECT docid, new.search_text FROM progression_search_ids WHERE id = new.id;
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS progression_search_update AFTER UPDATE OF search_text ON image_progressions
        WHEN new.search_text <> old.search_text BEGIN
        UPDATE progression_search SET search_text = new.search_text
            WHERE rowid = (SELECT docid FROM progression_search_ids WHERE id = new.id);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS progression_search_delete AFTER DELETE ON image_progressions BEGIN
        DELETE FROM progression_search WHERE rowid = (SELECT docid FROM progression_search_ids WHERE id = old.id);
        DELETE FROM progression_search_ids WHERE id = old.id;
    END
    """,
)
_POSTGRESQL_INDEXES = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX IF NOT EXISTS progressions_search_text ON image_progressions USING gin (search_text gin_trgm_ops)",
    "CREATE INDEX IF NOT EXISTS progressions_ai_tags ON image_progressions USING gin (ai_tags jsonb_path_ops)",
)


def ensure_search_indexes(connection: BaseDatabaseWrapper) -> None:
    """Makes what is missing of the indexes. Called after every migration: on SQLite, a migration that
    alters the table recreates it without its triggers."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for statement in _POSTGRESQL_INDEXES:
                cursor.execute(statement)
            return
        cursor.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'progression_search_%'"
        )
        if cursor.fetchone()[0] == len(_SQLITE_TRIGGERS):
            return
        for statement in (*_SQLITE_TABLES, *_SQLITE_TRIGGERS):
            cursor.execute(statement)
        cursor.execute("DELETE FROM progression_search")
        cursor.execute("DELETE FROM progression_search_ids")
        cursor.execute("INSERT INTO progression_search_ids (id) SELECT id FROM image_progressions")
        cursor.execute(
            "INSERT INTO progression_search (rowid, search_text) SELECT s.docid, p.search_text"
            " FROM image_progressions p JOIN progression_search_ids s ON s.id = p.id"
        )


def drop_search_indexes(connection: BaseDatabaseWrapper) -> None:
    """Takes the indexes away; the extension stays, for others may use it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP INDEX IF EXISTS progressions_search_text, progressions_ai_tags")
            return
        for name in ("insert", "update", "delete"):
            cursor.execute(f"DROP TRIGGER IF EXISTS progression_search_{name}")
        cursor.execute("DROP TABLE IF EXISTS progression_search")
        cursor.execute("DROP TABLE IF EXISTS progression_search_ids")


def compose_search_texts(connection: BaseDatabaseWrapper, batch: int = 1000) -> int:
    """Brings search texts that were written before texts were compared in NFC up to that; how many there were.

    In short transactions of `batch` rows, so that the table stays in use, and by the order of ids. It may be called
    at any time and again: rows that are right are only read.
    """
    after, count = "", 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id, search_text FROM image_progressions {after and 'WHERE id > %s'} ORDER BY id LIMIT %s",  # noqa: S608 - nothing but the words above
                [*([after] if after else []), batch],
            )
            rows = cursor.fetchall()
        if not rows:
            return count
        changes = [(comparable(text), pk, text) for pk, text in rows if comparable(text) != text]
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            # Another process may have written the row in the meantime.
            cursor.executemany(
                "UPDATE image_progressions SET search_text = %s WHERE id = %s AND search_text = %s", changes
            )
        after, count = rows[-1][0], count + len(changes)


def ensure_after_migrate(using: str, **kwargs: Any) -> None:
    """Receiver of `post_migrate`."""
    connection = connections[using]
    if "image_progressions" in connection.introspection.table_names():
        ensure_search_indexes(connection)
