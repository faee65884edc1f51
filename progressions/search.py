"""The filters of a project's progressions by text and tags, each with the index that its database can make.

PostgreSQL: GIN with pg_trgm on `search_text`, GIN with jsonb_path_ops on `ai_tags`. SQLite: an FTS5 table of
trigrams kept in step by triggers. docs/search.md has the measurements; progressions.search_indexes makes the indexes.
"""

import json
from collections.abc import Sequence

from django.db import connections
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from progressions.models import ImageProgression
from progressions.queries import SEPARATOR

# FTS5's trigrams find nothing shorter.
LEAST_INDEXED = 3
# A text that more rows hold than this is found faster by reading the newest rows until a page is full.
MOST_INDEXED_HITS = 2_000


def with_text(rows: QuerySet[ImageProgression], text: str) -> QuerySet[ImageProgression]:
    """The rows whose prompt, notes or tags hold the text, whatever its case."""
    wanted = text.casefold()
    if connections[rows.db].vendor == "postgresql":
        return rows.filter(search_text__contains=wanted)
    return _with_texts(rows, [wanted])


def with_tags(rows: QuerySet[ImageProgression], tags: Sequence[str]) -> QuerySet[ImageProgression]:
    """The rows that carry every one of the tags, exactly as spelled."""
    if not tags or connections[rows.db].vendor == "postgresql":
        return rows.filter(ai_tags__contains=list(tags)) if tags else rows
    # A tag stands between two separators in the text: its index narrows the rows down, the list itself decides.
    rows = _with_texts(rows, [f"{SEPARATOR}{tag}{SEPARATOR}".casefold() for tag in tags])
    for tag in tags:
        rows = rows.filter(
            _is_true("EXISTS (SELECT 1 FROM json_each(image_progressions.ai_tags) WHERE value = %s)", tag)
        )
    return rows


def _with_texts(rows: QuerySet[ImageProgression], wanted: Sequence[str]) -> QuerySet[ImageProgression]:
    """SQLite: the rows that hold all of the texts, which are case-folded."""
    ids = _found(rows.db, [text for text in wanted if len(text) >= LEAST_INDEXED])
    if ids is not None:
        # As one parameter: a statement takes a limited number of them.
        rows = rows.filter(id__in=RawSQL("SELECT value FROM json_each(%s)", [json.dumps(ids)]))
    for text in wanted:
        if ids is None or len(text) < LEAST_INDEXED:
            rows = rows.filter(_is_true("instr(image_progressions.search_text, %s) > 0", text))
    return rows


def _found(alias: str, wanted: Sequence[str]) -> list[str] | None:
    """The ids that the index finds for all of the texts; None where it cannot tell or finds too many."""
    if not wanted:
        return None
    phrases = " AND ".join('"' + text.replace('"', '""') + '"' for text in wanted)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT s.id FROM progression_search JOIN progression_search_ids s ON s.docid = progression_search.rowid"
            " WHERE progression_search MATCH %s LIMIT %s",
            [phrases, MOST_INDEXED_HITS + 1],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return ids if len(ids) <= MOST_INDEXED_HITS else None


def _is_true(sql: str, text: str) -> RawSQL:
    return RawSQL(sql, [text], output_field=BooleanField())  # noqa: S611 - the statements above, the text a parameter
