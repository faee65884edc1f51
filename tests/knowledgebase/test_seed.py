"""`manage.py seed`: what it creates, what it leaves unchanged, and that its tips are useful."""

from collections import Counter
from io import StringIO

import pytest
from django.core.management import call_command

from knowledgebase.models import Tip
from knowledgebase.queries import tips_for
from knowledgebase.refine import refine
from knowledgebase.services import fixture_rows
from progressions.enums import Kind

pytestmark = pytest.mark.django_db


def seed(*arguments: str) -> str:
    """The output about tips."""
    out = StringIO()
    call_command("seed", *arguments, stdout=out)
    return out.getvalue().splitlines()[0]


def test_the_first_seed_creates_every_tip() -> None:
    assert seed() == "Tips: 19 made, 0 restored, 0 unchanged, 0 kept as a curator changed them."
    assert Counter(Tip.objects.values_list("provider", flat=True)) == {
        "openai": 5,
        "gemini": 5,
        "workers": 5,
        "mock": 4,
    }


def test_a_second_seed_changes_nothing() -> None:
    seed()
    before = list(Tip.objects.values())
    assert seed() == "Tips: 0 made, 0 restored, 19 unchanged, 0 kept as a curator changed them."
    assert list(Tip.objects.values()) == before


def test_a_missing_tip_is_created_again() -> None:
    seed()
    Tip.objects.get(key="mock.coast").delete()
    assert seed() == "Tips: 1 made, 0 restored, 18 unchanged, 0 kept as a curator changed them."
    assert Tip.objects.filter(key="mock.coast").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"enabled": False},
        {"position": 999},
        {"value": {"guidance": "", "addition": "my own words", "kinds": [], "keywords": []}},
    ],
    ids=["switched off", "moved", "reworded"],
)
def test_a_curators_change_stays_unless_forced(change: dict[str, object]) -> None:
    seed()
    original = Tip.objects.values("value", "enabled", "position").get(key="openai.medium")
    Tip.objects.filter(key="openai.medium").update(**change)
    assert seed() == "Tips: 0 made, 0 restored, 18 unchanged, 1 kept as a curator changed them."
    assert Tip.objects.filter(key="openai.medium", **change).exists()
    assert seed("--force") == "Tips: 0 made, 1 restored, 18 unchanged, 0 kept as a curator changed them."
    assert Tip.objects.values("value", "enabled", "position").get(key="openai.medium") == original


def test_a_curators_own_tip_is_never_changed() -> None:
    mine = Tip.objects.create(key="mock.mine", provider="mock", value={"addition": "mine"})
    seed("--force")
    assert Tip.objects.get(key="mock.mine").updated_at == mine.updated_at


def test_every_tip_of_the_fixture_is_complete_and_fits_a_prompt() -> None:
    seed()
    for row in fixture_rows(Tip):
        value, key = row.value, row.key
        assert sorted(value) == ["addition", "guidance", "keywords", "kinds"], key
        assert key.startswith(row.provider + "."), key
        assert set(value["kinds"]) <= set(Kind.values), key
        assert value["guidance"].endswith("."), key
        for keyword in value["keywords"] or [""]:
            for kind in value["kinds"] or Kind.values:
                tips = tips_for(row.provider)
                applied = refine(f"a {keyword} scene", kind, tips).tips
                assert key in [tip.key for tip in applied], (key, keyword, kind)


def test_the_additions_are_short_enough_for_the_model_with_the_shortest_limit() -> None:
    seed()
    for provider in ("openai", "gemini", "workers", "mock"):
        assert sum(len(tip.addition) for tip in tips_for(provider)) < 600
