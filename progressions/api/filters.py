"""The filters of a project's progressions by text and tags, each with the index that its database can make.

PostgreSQL: GIN with pg_trgm on `search_text`, GIN with jsonb_path_ops on `ai_tags`. SQLite: an FTS5 table of
trigrams kept in step by triggers. docs/search.md has the measurements; progressions.models.search_indexes makes the
indexes.
"""

import json
from collections.abc import Sequence

from django.db import connections
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from dali.lib.texts import comparable, composed, has_other_spellings
from progressions.models import ImageProgression
from progressions.queries import SEPARATOR

# FTS5's trigrams find nothing shorter.
LEAST_INDEXED = 3
# A text that more rows hold than this is found faster by reading the newest rows until a page is full.
MOST_INDEXED_HITS = 2_000


_SQLITE_TAG = "EXISTS (SELECT 1 FROM json_each(image_progressions.ai_tags) WHERE dali_nfc(value) = %s)"
_POSTGRESQL_TAG = (
    "EXISTS (SELECT 1 FROM jsonb_array_elements_text(image_progressions.ai_tags) AS tag"
    " WHERE normalize(tag, NFC) = %s)"
)


def with_text(rows: QuerySet[ImageProgression], text: str) -> QuerySet[ImageProgression]:
    """The rows whose prompt, notes or tags hold the text, whatever its case and however its letters are encoded."""
    wanted = comparable(text)
    if connections[rows.db].vendor == "postgresql":
        return rows.filter(search_text__contains=wanted)
    return _with_texts(rows, [wanted])


def with_tags(rows: QuerySet[ImageProgression], tags: Sequence[str]) -> QuerySet[ImageProgression]:
    """The rows that carry every one of the tags, exactly as spelled, however the letters are encoded."""
    # A tag stands between two separators in the text: its index narrows the rows down, the list itself decides.
    if connections[rows.db].vendor == "postgresql":
        return _with_tags_on_postgresql(rows, [composed(tag) for tag in tags])
    rows = _with_texts(rows, [comparable(f"{SEPARATOR}{tag}{SEPARATOR}") for tag in tags])
    for tag in tags:
        rows = rows.filter(_is_true(_SQLITE_TAG, composed(tag)))
    return rows


def _with_tags_on_postgresql(
    rows: QuerySet[ImageProgression], tags: Sequence[str]
) -> QuerySet[ImageProgression]:
    """Its index of the list knows code points: enough for a tag that can be encoded in one way."""
    plain = [tag for tag in tags if not has_other_spellings(tag)]
    if plain:
        rows = rows.filter(ai_tags__contains=plain)
    for tag in set(tags) - set(plain):
        otherwise = Q(search_text__contains=comparable(f"{SEPARATOR}{tag}{SEPARATOR}"))
        rows = rows.filter(Q(ai_tags__contains=[tag]) | (otherwise & Q(_is_true(_POSTGRESQL_TAG, tag))))
    return rows


def _with_texts(rows: QuerySet[ImageProgression], wanted: Sequence[str]) -> QuerySet[ImageProgression]:
    """SQLite: the rows that hold all of the texts, which are made comparable."""
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
