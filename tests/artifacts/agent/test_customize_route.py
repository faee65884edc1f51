"""`POST /api/artifacts/{id}/customize`: who may call it, and what it refuses."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from artifacts.making import intake
from artifacts.models import Artifact, Chat, ChatTurn
from dali.lib.objects.storage import named
from projects.models import Project
from tests.artifacts.agent.conftest import Speaker
from tests.clients import anonymous, keyed, wrong
from tests.factories import ProgressionFactory

pytestmark = pytest.mark.django_db
UNKNOWN = "01890000-0000-7000-8000-000000000000"


def address(artifact: Artifact) -> str:
    return f"/api/artifacts/{artifact.pk}/customize"


def test_a_key_is_needed(speaker: Speaker) -> None:
    body = {"sessionId": "s-1", "input": ""}
    assert anonymous().post(address(speaker.artifact), body).status_code == 401
    assert wrong().post(address(speaker.artifact), body).status_code == 401
    assert keyed().post(address(speaker.artifact), body).status_code == 200


@pytest.mark.parametrize("unknown", [UNKNOWN, "nope"])
def test_an_unknown_artifact_is_not_found(unknown: str) -> None:
    body = {"sessionId": "s-1", "input": ""}
    assert keyed().post(f"/api/artifacts/{unknown}/customize", body).status_code == 404


def test_only_artifacts_made_from_a_template_can_be_customized(harbour: Project) -> None:
    artifact = intake.create_artifact(generator="promptRecipeCard", project_ids=[harbour.pk])
    answer = keyed().post(address(artifact), {"sessionId": "s-1", "input": ""})
    assert answer.status_code == 409
    assert "the generator 'promptRecipeCard' made this artifact" in answer.json()["errors"][0]["detail"]


def test_a_deleted_template_is_reported(speaker: Speaker) -> None:
    named("templates").delete(speaker.artifact.template_r2_key)
    answer = speaker.client.post(address(speaker.artifact), {"sessionId": "s-1", "input": ""})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": "x"}, "sessionId"),
        ({"sessionId": "no spaces", "input": "x"}, "sessionId"),
        ({"sessionId": "s" * 129, "input": "x"}, "sessionId"),
        ({"sessionId": "s-1", "input": 5}, "input"),
        ({"sessionId": "s-1", "input": "x" * 4001}, "input"),
        ({"sessionId": "s-1", "input": "a\u0000b"}, "input"),
    ],
)
def test_an_invalid_message_is_refused_by_its_field(
    speaker: Speaker, body: dict[str, Any], field: str
) -> None:
    answer = speaker.client.post(address(speaker.artifact), body)
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [field]
    assert not Chat.objects.exists()


def test_a_message_of_4000_characters_is_accepted(speaker: Speaker) -> None:
    speaker.say()
    assert speaker.say("é" * 4000)["filled"] == {"TITLE": "é" * 4000}


def test_messages_are_rate_limited(speaker: Speaker, settings: Settings) -> None:
    settings.CUSTOMIZE_RATE = "2/h"
    answers = [
        speaker.client.post(address(speaker.artifact), {"sessionId": "limited", "input": ""})
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0


@pytest.mark.parametrize("images", [1, 30])
def test_the_query_count_does_not_grow_with_the_project(
    speaker: Speaker, harbour: Project, images: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(images):
        ProgressionFactory(project=harbour)
    speaker.say()
    speaker.say("skip")
    speaker.say("back")
    with django_assert_max_num_queries(42):  # 37 on SQLite; includes the test's own savepoints
        speaker.say("skip")


def test_the_admin_shows_the_transcript(speaker: Speaker, admin_client: Client) -> None:
    for words in ("", "1", "the <b>second</b>"):
        speaker.say(words)
    chat = Chat.objects.get()
    page = admin_client.get(f"/admin/artifacts/chat/{chat.pk}/change/").content.decode()
    assert "the &lt;b&gt;second&lt;/b&gt;" in page
    assert "TITLE is now “Winter Light”." in page
    assert "Taken for: pick 1 (rules)" in page
    assert "save_configuration#1" in page
    for path in ("chat", "chatturn"):
        assert admin_client.get(f"/admin/artifacts/{path}/").status_code == 200
    assert admin_client.get("/admin/artifacts/chat/add/").status_code == 403
    assert admin_client.post(f"/admin/artifacts/chat/{chat.pk}/delete/", {"post": "yes"}).status_code == 403
    turn = ChatTurn.objects.get(number=2)
    assert admin_client.get(f"/admin/artifacts/chatturn/{turn.pk}/change/").status_code == 200
    assert admin_client.get("/admin/progressions/step/").status_code == 200


def test_deleting_an_artifact_in_the_admin_deletes_its_chats(speaker: Speaker, admin_client: Client) -> None:
    speaker.say()
    path = f"/admin/artifacts/artifact/{speaker.artifact.pk}/delete/"
    assert admin_client.post(path, {"post": "yes"}).status_code == 302
    assert not Chat.objects.exists()
