"""The filters of a project's progressions by text and tags, each with the index that its database can make.

PostgreSQL: GIN with pg_trgm on `search_text`, GIN with jsonb_path_ops on `ai_tags`. SQLite: an FTS5 table of
trigrams kept in step by triggers. docs/search.md has the measurements; progressions.search_indexes makes the indexes.
"""

from collections.abc import Sequence

from django.db import connections
from django.db.models import QuerySet
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
    if connections[rows.db].vendor == "postgresql" or len(wanted) < LEAST_INDEXED:
        return rows.filter(search_text__contains=wanted)
    if _hits(rows.db, wanted) > MOST_INDEXED_HITS:
        return rows.filter(search_text__contains=wanted)
    return rows.filter(id__in=RawSQL(f"SELECT s.id {_MATCHES}", [_phrase(wanted)]))  # noqa: S611 - a constant


def with_tags(rows: QuerySet[ImageProgression], tags: Sequence[str]) -> QuerySet[ImageProgression]:
    """The rows that carry every one of the tags, exactly as spelled."""
    if connections[rows.db].vendor == "postgresql":
        return rows.filter(ai_tags__contains=list(tags)) if tags else rows
    for tag in tags:
        # The text index narrows the rows down (a tag stands between two separators), the list itself decides.
        rows = with_text(rows, f"{SEPARATOR}{tag}{SEPARATOR}").filter(
            id__in=RawSQL(
                "SELECT tagged.id FROM image_progressions tagged, json_each(tagged.ai_tags) tag WHERE tag.value = %s",
                [tag],
            )
        )
    return rows


_MATCHES = (
    "FROM progression_search JOIN progression_search_ids s ON s.docid = progression_search.rowid"
    " WHERE progression_search MATCH %s"
)


def _hits(alias: str, wanted: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM progression_search WHERE progression_search MATCH %s LIMIT %s)",
            [_phrase(wanted), MOST_INDEXED_HITS + 1],
        )
        return int(cursor.fetchone()[0])


def _phrase(text: str) -> str:
    """FTS5's query for exactly this text."""
    return '"' + text.replace('"', '""') + '"'
