"""The search indexes exist, follow their rows, and are restored when a migration rebuilds the table."""

import unicodedata
from typing import Any

import pytest
from django.db import connection

from progressions.api.filters import MOST_INDEXED_HITS, with_tags, with_text
from progressions.models import ImageProgression
from progressions.models.search_indexes import (
    compose_search_texts,
    drop_search_indexes,
    ensure_search_indexes,
)
from progressions.queries import search_text_for
from tests.factories import ProgressionFactory

pytestmark = pytest.mark.django_db
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="the index of SQLite")
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="the indexes of PostgreSQL")


def found(text: str) -> list[str]:
    return sorted(with_text(ImageProgression.objects.all(), text).values_list("prompt", flat=True))


def test_a_search_text_joins_prompt_notes_and_tags_with_separators() -> None:
    assert search_text_for("Straße", ["Dark."], ["a", "b"]) == "strasse\x1fdark.\x1fa\x1fb\x1f"


def test_the_index_follows_its_rows() -> None:
    row = ProgressionFactory(prompt="sea")
    assert found("sea") == ["sea"]
    row.search_text = search_text_for("sea", ["A fine harbour."], [])
    row.save(update_fields=["search_text"])
    assert (found("HARBOUR"), found("sea")) == (["sea"], ["sea"])
    row.delete()
    assert found("sea") == []


def test_a_text_in_very_many_rows_is_found_in_all_of_them() -> None:
    rows = ProgressionFactory.build_batch(MOST_INDEXED_HITS + 1, prompt="sea", ai_tags=["blue"], project=None)
    project = ProgressionFactory(prompt="sky", ai_tags=["blue"]).project
    for row in rows:
        row.project, row.search_text = project, search_text_for("sea", [], ["blue"])
    ImageProgression.objects.bulk_create(rows)
    assert with_text(ImageProgression.objects.all(), "sea").count() == MOST_INDEXED_HITS + 1
    assert with_tags(ImageProgression.objects.all(), ["blue"]).count() == MOST_INDEXED_HITS + 2


NFD = {word: unicodedata.normalize("NFD", word) for word in ("Café", "한국", "Ångström")}


@pytest.mark.parametrize("asked", [*NFD, *NFD.values(), "cafe\u0301", "\u212bngstr\u00f6m"])
def test_a_text_is_found_in_any_unicode_encoding(asked: str) -> None:
    for word in (*NFD, *NFD.values()):
        row = ProgressionFactory(prompt=f"a {word} at dusk")
        row.refresh_from_db()
        assert row.prompt == f"a {word} at dusk", "the prompt is stored as it was sent"
    ProgressionFactory(prompt="a cafe, Angstrom, 하")
    assert len(found(asked)) == 2


@pytest.mark.parametrize("asked", ["café", "cafe\u0301"])
def test_a_tag_is_found_in_any_unicode_encoding_but_only_in_its_own_case(asked: str) -> None:
    rows = [ProgressionFactory(ai_tags=["sea", tag]) for tag in ("café", "cafe\u0301")]
    for other in ("cafe", "Café", "cafés", "cafe\u0301\u0301"):
        ProgressionFactory(ai_tags=["sea", other])
    carriers = with_tags(ImageProgression.objects.all(), ["sea", asked])
    assert sorted(carriers.values_list("id", flat=True)) == [row.id for row in rows]


@pytest.mark.parametrize("asked", ["5 K", "5 \u212a"])
def test_an_ascii_letter_matches_its_compatible_code_points(asked: str) -> None:
    rows = [ProgressionFactory(ai_tags=[tag]) for tag in ("5 K", "5 \u212a")]
    carriers = with_tags(ImageProgression.objects.all(), [asked])
    assert sorted(carriers.values_list("id", flat=True)) == [row.id for row in rows]


def test_only_old_search_texts_are_composed_in_batches() -> None:
    prompts = ["cafe\u0301", "sea", "caf\u00e9 two", "\u212bland", "\u01f0", "sky", "cafe\u0301 three"]
    rows = [ProgressionFactory(prompt=prompt) for prompt in prompts]
    for row in rows:
        ImageProgression.objects.filter(pk=row.pk).update(search_text=f"{row.prompt}\x1f".casefold())
    assert found("café") == ["caf\u00e9 two"]
    assert compose_search_texts(connection, batch=3) == 3
    assert found("café") == sorted(["cafe\u0301", "caf\u00e9 two", "cafe\u0301 three"])
    assert found("\u00e5land") == ["\u212bland"]
    assert compose_search_texts(connection, batch=3) == 0
    for row in rows:
        row.refresh_from_db()
        assert row.search_text == search_text_for(row.prompt, [], [])


@on_sqlite
def test_a_rebuilt_index_contains_the_existing_rows() -> None:
    kept = ProgressionFactory(prompt="sea")
    drop_search_indexes(connection)
    ProgressionFactory(prompt="seaside", project=kept.project)
    ensure_search_indexes(connection)
    assert found("sea") == ["sea", "seaside"]
    ProgressionFactory(prompt="overseas", project=kept.project)
    assert found("sea") == ["overseas", "sea", "seaside"]


@on_sqlite
def test_a_rare_text_is_searched_through_the_index() -> None:
    rows = with_text(ImageProgression.objects.all(), "sea")
    assert "json_each" in str(rows.query)
    assert "instr" not in str(rows.query)


@on_postgresql
def test_postgresql_has_its_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'image_progressions'")
        names: set[Any] = {row[0] for row in cursor.fetchall()}
    assert names >= {"progressions_search_text", "progressions_ai_tags"}
