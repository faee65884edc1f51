"""Messages of one chat: handled in order, each answered once, also when a process dies in between."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from artifacts.agent import agent, pictures, tools, turns
from artifacts.making import content
from artifacts.models import Artifact, ArtifactConfiguration, Chat, ChatTurn
from dali.lib.errors import UnavailableError
from progressions.errors import LeaseLostError
from progressions.models import Step
from progressions.work import leases
from tests.artifacts.agent.conftest import Speaker
from tests.clients import keyed


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture
def at_rendering(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | None], None]:
    """A function that makes the rendering of pages fail, or work again."""
    render = content.fill

    def set_up(error: BaseException | None) -> None:
        def fill(artifact: Artifact) -> Any:
            if error is not None:
                raise error
            return render(artifact)

        monkeypatch.setattr(content, "fill", fill)

    monkeypatch.setattr(tools, "PAUSES_S", (0.0, 0.0))
    return set_up


def ends(speaker: Speaker) -> list[tuple[int, str, str]]:
    rows = ChatTurn.objects.filter(chat__session_id=speaker.session).order_by("number")
    return [(row.number, row.status, row.input) for row in rows]


@pytest.mark.django_db(transaction=True)
def test_simultaneous_messages_are_answered_one_after_the_other(speaker: Speaker) -> None:
    speaker.say()
    answers = []

    def send(words: str) -> None:
        try:
            client = keyed()
            body = {"sessionId": speaker.session, "input": words}
            answers.append(client.post(f"/api/artifacts/{speaker.artifact.pk}/customize", body))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[words]) for words in ("Winter", "skip", "Snow")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 3
    rows = ends(speaker)
    assert [(number, status) for number, status, _ in rows] == [(n, "done") for n in range(1, 5)]
    # In any order, each was answered from the state that the one before had left.
    sizes = [len(row.answer["filled"]) for row in ChatTurn.objects.order_by("number")]
    assert sizes == sorted(sizes)


@pytest.mark.django_db
def test_at_most_three_messages_wait(speaker: Speaker) -> None:
    speaker.say()
    chat = Chat.objects.get()
    for number in range(2, 6):
        ChatTurn.objects.create(
            chat=chat,
            number=number,
            input="1",
            lease_owner=leases.OWNER,
            lease_until=timezone.now() + timedelta(seconds=30),
        )
    body = {"sessionId": speaker.session, "input": "1"}
    answer = speaker.client.post(f"/api/artifacts/{speaker.artifact.pk}/customize", body)
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    assert ChatTurn.objects.count() == 5


@pytest.mark.django_db
def test_a_message_that_waits_too_long_is_answered_503(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.say()
    until = timezone.now() + timedelta(seconds=30)
    ChatTurn.objects.create(
        chat=Chat.objects.get(), number=2, input="1", lease_owner="other", lease_until=until
    )
    monkeypatch.setattr(turns, "WAIT_S", 0.1)
    body = {"sessionId": speaker.session, "input": "latest"}
    answer = speaker.client.post(f"/api/artifacts/{speaker.artifact.pk}/customize", body)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert ends(speaker)[1:] == [(2, "queued", "1"), (3, "failed", "latest")]


@pytest.mark.django_db
def test_a_message_sent_again_after_a_kill_resumes_where_it_stopped(
    speaker: Speaker, at_rendering: Callable[[BaseException | None], None]
) -> None:
    for words in ("", "1", "latest"):
        speaker.say(words)
    at_rendering(Killed())
    with pytest.raises(Killed):
        speaker.say("Snow")
    at_rendering(None)
    assert ends(speaker)[-1] == (4, "running", "Snow")
    assert ArtifactConfiguration.objects.get(config_key="SUBTITLE").config_value == "Snow"
    ChatTurn.objects.update(lease_owner="a process before")
    assert leases.take_over() == 1
    last = speaker.say("Snow")
    assert (last["done"], last["filled"]["SUBTITLE"]) == (True, "Snow")
    assert last["reply"].startswith("SUBTITLE is now “Snow”. Everything is filled")
    assert ends(speaker)[-1] == (4, "done", "Snow")
    turn = ChatTurn.objects.get(number=4)
    steps = Step.objects.filter(owner_id=turn.pk, status="ok").order_by("id")
    assert [step.name for step in steps] == [
        "get_projects_for_artifact#1",
        "save_configuration#1",
        "render_artifact#1",
        "answer#1",
    ]


@pytest.mark.django_db
def test_a_new_message_after_a_kill_closes_the_one_before(
    speaker: Speaker, at_rendering: Callable[[BaseException | None], None]
) -> None:
    for words in ("", "1", "latest"):
        speaker.say(words)
    at_rendering(Killed())
    with pytest.raises(Killed):
        speaker.say("Snow")
    at_rendering(None)
    ChatTurn.objects.filter(status="running").update(lease_until=timezone.now() - timedelta(seconds=1))
    last = speaker.say("show")
    assert ends(speaker)[-2:] == [(4, "failed", "Snow"), (5, "done", "show")]
    assert "SUBTITLE: “Snow”" in last["reply"]
    assert last["remaining"] == []
    assert speaker.say("done")["done"] is True


@pytest.mark.django_db
def test_a_page_that_cannot_be_stored_is_made_when_the_storage_is_back(
    speaker: Speaker, at_rendering: Callable[[BaseException | None], None]
) -> None:
    for words in ("", "1", "latest"):
        speaker.say(words)
    at_rendering(UnavailableError("the storage cannot be reached"))
    answer = speaker.say("Snow")
    assert (answer["done"], answer["remaining"], answer["filled"]["SUBTITLE"]) == (False, [], "Snow")
    assert "I could not make the page" in answer["reply"]
    assert "storage" not in answer["reply"]
    failures = Step.objects.filter(name="render_artifact#1", status="failed")
    assert [step.attempt for step in failures.order_by("id")] == [1, 2, 3]
    at_rendering(None)
    assert speaker.say("done")["done"] is True


@pytest.mark.django_db
def test_a_brief_failure_is_not_noticed(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    render, failures = content.fill, [OperationalError("gone away"), UnavailableError("busy")]

    def fill(artifact: Artifact) -> Any:
        if failures:
            raise failures.pop()
        return render(artifact)

    monkeypatch.setattr(content, "fill", fill)
    monkeypatch.setattr(tools, "PAUSES_S", (0.0, 0.0))
    for words in ("", "1", "latest", "Snow"):
        speaker.say(words)
    assert speaker.last["done"] is True


@pytest.mark.django_db
def test_a_message_that_hit_a_database_outage_can_be_sent_again_at_once(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.say()
    monkeypatch.setattr(tools, "PAUSES_S", (0.0, 0.0))
    with monkeypatch.context() as broken:

        def away(*args: object, **kwargs: object) -> None:
            raise OperationalError("the database is away")

        broken.setattr(pictures, "page_of", away)
        body = {"sessionId": speaker.session, "input": "1"}
        answer = speaker.client.post(f"/api/artifacts/{speaker.artifact.pk}/customize", body)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert speaker.say("1")["filled"] == {"TITLE": "Winter Light"}
    assert ends(speaker) == [(1, "done", ""), (2, "done", "1")]


@pytest.mark.django_db
def test_an_exception_ends_the_message_but_not_the_chat(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.say()
    with monkeypatch.context() as broken:
        broken.setattr(agent, "answer", lambda **_: 1 / 0)
        body = {"sessionId": speaker.session, "input": "1"}
        answer = speaker.client.post(f"/api/artifacts/{speaker.artifact.pk}/customize", body)
    assert answer.status_code == 500
    assert ChatTurn.objects.get(number=2).error == "ZeroDivisionError: division by zero"
    assert speaker.say("1")["filled"] == {"TITLE": "Winter Light"}


@pytest.mark.django_db
def test_an_artifact_deleted_in_the_meantime_is_answered_404(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.say()

    def delete(**kwargs: object) -> None:
        Artifact.objects.all().delete()
        raise LeaseLostError("gone")

    monkeypatch.setattr(agent, "answer", delete)
    body = {"sessionId": speaker.session, "input": "1"}
    answer = speaker.client.post(f"/api/artifacts/{speaker.artifact.pk}/customize", body)
    assert answer.status_code == 404
