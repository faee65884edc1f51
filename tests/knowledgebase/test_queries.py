"""Which tips are read, in what order, and how their values are parsed."""

import pytest
from pytest_django import DjangoAssertNumQueries

from knowledgebase.models import Tip
from knowledgebase.queries import tip_text, tips_by_provider, tips_for
from knowledgebase.refine import TipText

pytestmark = pytest.mark.django_db


def make_tip(key: str, *, position: int = 0, enabled: bool = True, addition: str = "soft light") -> Tip:
    return Tip.objects.create(
        key=key,
        provider=key.partition(".")[0],
        position=position,
        enabled=enabled,
        value={"guidance": "Name the light.", "addition": addition, "kinds": ["edit"], "keywords": ["sun"]},
    )


def test_tips_for_a_provider_are_its_enabled_ones_by_position_and_key() -> None:
    make_tip("mock.second", position=2)
    make_tip("mock.first", position=1)
    make_tip("mock.alike", position=2)
    make_tip("mock.off", enabled=False)
    make_tip("openai.other")
    assert [tip.key for tip in tips_for("mock")] == ["mock.first", "mock.alike", "mock.second"]
    assert tips_for("nope") == []


def test_a_tip_has_the_parts_of_its_value() -> None:
    make_tip("mock.light", position=3)
    assert tips_for("mock") == [
        TipText("mock.light", "soft light", ("edit",), ("sun",), 3, guidance="Name the light.")
    ]


@pytest.mark.parametrize("value", [{}, [], None, {"addition": 5, "kinds": "edit", "keywords": None}])
def test_parts_that_are_missing_or_of_another_type_count_as_empty(value: object) -> None:
    assert tip_text(Tip(key="mock.odd", value=value)) == TipText("mock.odd", "", (), (), 0)


def test_the_tips_of_all_providers_are_read_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_tip("openai.a")
    make_tip("mock.b", position=2)
    make_tip("mock.a", position=1)
    make_tip("gemini.off", enabled=False)
    with django_assert_num_queries(1):
        tips = tips_by_provider()
    assert {
        name: ([tip.key for tip in found.on], [tip.key for tip in found.off]) for name, found in tips.items()
    } == {
        "gemini": ([], ["gemini.off"]),
        "mock": (["mock.a", "mock.b"], []),
        "openai": (["openai.a"], []),
    }
