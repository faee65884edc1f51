"""Tips in the admin: edited field by field, switched in the list, previewed."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from knowledgebase.models import Tip
from tests.factories import TipFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/knowledgebase/tip/"
FORM = {
    "key": "mock.light",
    "provider": "mock",
    "enabled": "on",
    "position": "5",
    "addition": "soft light",
    "guidance": "Name the light.",
    "kinds": ["generate", "edit"],
    "keywords": "portrait, Face\noil  painting,,portrait",
}


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_tip_is_added_field_by_field(admin_client: Client) -> None:
    assert admin_client.post(f"{LIST}add/", FORM).status_code == 302
    tip = Tip.objects.get()
    assert (tip.key, tip.provider, tip.enabled, tip.position) == ("mock.light", "mock", True, 5)
    assert tip.value == {
        "guidance": "Name the light.",
        "addition": "soft light",
        "kinds": ["generate", "edit"],
        "keywords": ["portrait", "Face", "oil painting"],
    }


def test_the_form_shows_the_parts_as_fields(admin_client: Client) -> None:
    tip = TipFactory(value={"guidance": "G", "addition": "A", "kinds": ["edit"], "keywords": ["x", "y z"]})
    form = admin_client.get(f"{LIST}{tip.key}/change/").context["adminform"].form
    values = {name: form[name].value() for name in ("guidance", "addition", "kinds", "keywords")}
    assert values == {"guidance": "G", "addition": "A", "kinds": ["edit"], "keywords": "x, y z"}


def test_a_changed_tip_keeps_its_key_and_the_unknown_parts_of_its_value(admin_client: Client) -> None:
    tip = TipFactory(key="mock.light", value={"addition": "old", "source": "a book"})
    change = {**FORM, "key": "mock.other", "kinds": [], "keywords": "", "guidance": ""}
    assert admin_client.post(f"{LIST}{tip.key}/change/", change).status_code == 302
    assert Tip.objects.get().key == "mock.light"
    assert Tip.objects.get().value == {
        "guidance": "",
        "addition": "soft light",
        "kinds": [],
        "keywords": [],
        "source": "a book",
    }


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"key": "light"}, "key"),
        ({"key": "Mock.Light"}, "key"),
        ({"key": "mock.a b"}, "key"),
        ({"key": "gemini.light"}, "provider"),
        ({"provider": "nope"}, "provider"),
        ({"kinds": ["sculpt"]}, "kinds"),
        ({"addition": " ", "guidance": ""}, "addition"),
    ],
)
def test_an_invalid_tip_is_refused(admin_client: Client, wrong: dict[str, Any], field: str) -> None:
    answer = admin_client.post(f"{LIST}add/", {**FORM, **wrong})
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Tip.objects.exists()


def test_tips_are_switched_and_moved_in_the_list(admin_client: Client) -> None:
    TipFactory(key="mock.a", position=1)
    TipFactory(key="mock.b", position=2, enabled=False)
    form = {
        "form-TOTAL_FORMS": "2",
        "form-INITIAL_FORMS": "2",
        "form-0-key": "mock.a",
        "form-0-position": "1",
        "form-1-key": "mock.b",
        "form-1-position": "7",
        "form-1-enabled": "on",
        "_save": "Save",
    }
    assert admin_client.post(LIST, form).status_code == 302
    rows = Tip.objects.order_by("key").values_list("key", "enabled", "position")
    assert list(rows) == [("mock.a", False, 1), ("mock.b", True, 7)]


@pytest.mark.parametrize(("action", "enabled"), [("switch_on", True), ("switch_off", False)])
def test_actions_switch_many_tips(admin_client: Client, action: str, enabled: bool) -> None:
    tips = [TipFactory(enabled=not enabled), TipFactory(enabled=not enabled), TipFactory(enabled=enabled)]
    form = {"action": action, "_selected_action": [tip.key for tip in tips]}
    answer = admin_client.post(LIST, form, follow=True)
    assert set(Tip.objects.values_list("enabled", flat=True)) == {enabled}
    assert f"2 tips switched {'on' if enabled else 'off'}." in text(answer.content.decode())


@pytest.mark.parametrize("count", [1, 3])
def test_the_query_count_of_the_list_is_constant(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    TipFactory.create_batch(count)
    admin_client.get(LIST)
    with django_assert_num_queries(5):  # session, user, providers, count, page
        assert admin_client.get(LIST).status_code == 200


def test_the_list_can_be_searched_by_the_text_of_tips(admin_client: Client) -> None:
    TipFactory(key="mock.gulls", value={"addition": "distant gulls", "guidance": ""})
    TipFactory(key="mock.moon", value={"addition": "a moon", "guidance": ""})
    found = admin_client.get(LIST, {"q": "GULLS"}).context["cl"].result_list
    assert [tip.key for tip in found] == ["mock.gulls"]


def test_the_preview_shows_a_prompt_as_each_provider_would_get_it(admin_client: Client) -> None:
    TipFactory(key="mock.a", value={"addition": "soft light"})
    TipFactory(key="mock.off", enabled=False)
    TipFactory(key="mock.edit", value={"addition": "x", "kinds": ["edit"]})
    TipFactory(key="mock.word", value={"addition": "x", "keywords": ["moon", "star"]})
    TipFactory(key="mock.note", value={"guidance": "Only a note."})
    TipFactory(key="mock.said", value={"addition": "a boat"})
    TipFactory(key="openai.a", provider="openai", value={"addition": "Keep it calm."})
    answer = admin_client.get(f"{LIST}preview/", {"prompt": "a boat", "kind": "generate"})
    previews = {preview.provider: preview for preview in answer.context["previews"]}
    assert (previews["mock"].prompt, [added.piece for added in previews["mock"].added]) == (
        "a boat",
        [", soft light"],
    )
    assert [(left.tip.key, left.reason) for left in previews["mock"].left_out] == [
        ("mock.edit", "only for edit"),
        ("mock.note", "adds no words"),
        ("mock.said", "already said"),
        ("mock.word", "needs moon, star"),
        ("mock.off", "switched off"),
    ]
    assert [added.piece for added in previews["openai"].added] == [". Keep it calm."]
    assert previews["openai"].characters == len("a boat. Keep it calm.")
    assert "a boat. Keep it calm." in answer.content.decode().replace('<ins title="openai.a">', "")


def test_the_preview_has_its_own_sample_prompt(admin_client: Client) -> None:
    answer = admin_client.get(f"{LIST}preview/")
    assert "a lighthouse at dusk, oil on canvas" in answer.content.decode()
    assert "mock" in [preview.provider for preview in answer.context["previews"]]


def test_the_preview_of_an_empty_prompt_says_what_is_missing(admin_client: Client) -> None:
    answer = admin_client.get(f"{LIST}preview/", {"prompt": " ", "kind": "generate"})
    assert answer.context["previews"] == []
    assert "This field is required." in answer.content.decode()


def test_markup_in_a_prompt_is_shown_and_not_run(admin_client: Client) -> None:
    answer = admin_client.get(f"{LIST}preview/", {"prompt": "<script>x</script>", "kind": "generate"})
    assert "<script>x" not in answer.content.decode()


def test_the_preview_makes_one_query_for_all_tips(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    TipFactory.create_batch(3)
    with django_assert_num_queries(3):  # session, user, tips
        admin_client.get(f"{LIST}preview/")


def test_the_preview_is_only_for_staff(client: Client) -> None:
    assert client.get(f"{LIST}preview/").headers["Location"] == f"/admin/login/?next={LIST}preview/"
