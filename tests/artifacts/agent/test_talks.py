"""Complete chats with the Artifact Agent, through the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from artifacts.models import Artifact, ArtifactConfiguration, Chat
from dali.lib.objects.storage import named
from progressions.models import Event, ImageProgression
from projects.models import Project
from tests.artifacts.agent.conftest import SUBJECTS, Speaker
from tests.clients import keyed
from tests.events import check_documented
from tests.factories import ProgressionFactory

pytestmark = pytest.mark.django_db
THREE_IMAGES = "<!doctype html>" + "".join(
    f'<img src="{{{{IMAGE_{n}}}}}" alt="{{{{CAPTION_{n}}}}}">' for n in (1, 2, 3)
)
WITH_LINK = '<!doctype html><h1>{{TITLE}}</h1><a href="{{LINK}}">more</a>'


def url_of(subject: str) -> str:
    """The delivery URL of the image with this prompt."""
    return f"http://testserver{ImageProgression.objects.get(prompt=subject).generated_image_url}"


def told(session: str) -> list[dict[str, Any]]:
    """The events of a session, each checked against the OpenAPI document."""
    rows = Event.objects.filter(session_id=session).order_by("seq")
    events = [json.loads(row.text) for row in rows]
    for event in events:
        check_documented(event)
    return events


def test_a_template_is_filled_by_chat(speaker: Speaker) -> None:
    first = speaker.say("hello, TITLE is Nonsense")
    assert first == {
        "reply": first["reply"],
        "sessionId": "s-1",
        "artifactId": str(speaker.artifact.pk),
        "filled": {},
        "remaining": ["TITLE", "HERO_IMAGE", "SUBTITLE"],
        "choices": [{"n": 1, "label": "Winter Light", "value": "Winter Light"}],
        "done": False,
    }
    assert "text for TITLE and SUBTITLE; an image for HERO_IMAGE" in first["reply"]
    second = speaker.say("1")
    assert second["filled"] == {"TITLE": "Winter Light"}
    assert second["reply"].startswith("TITLE is now “Winter Light”.\nWhich image for HERO_IMAGE?")
    urls = [url_of(subject) for subject in reversed(SUBJECTS)]
    assert [choice["thumbnailUrl"] for choice in second["choices"]] == urls
    assert [choice["value"] for choice in second["choices"]] == urls
    third = speaker.say("the second")
    assert third["filled"] == {"TITLE": "Winter Light", "HERO_IMAGE": urls[1]}
    assert third["remaining"] == ["SUBTITLE"]
    last = speaker.say("Snow & <em>ice</em>")
    artifact = Artifact.objects.get()
    assert (last["remaining"], last["done"], last["public_slug"]) == ([], True, artifact.public_slug)
    assert f"http://testserver/public/artifact/{artifact.public_slug}" in last["reply"]
    assert artifact.status == "published"
    page = speaker.read_page()
    assert "<title>Winter Light</title>" in page
    assert "Snow &amp; &lt;em&gt;ice&lt;/em&gt;" in page


def test_the_session_gets_an_event_for_each_choice_and_for_the_page(speaker: Speaker) -> None:
    for words in ("", "1", "latest", "skip"):
        speaker.say(words)
    heard = told("s-1")
    assert [(one["type"], one.get("step"), one.get("progress")) for one in heard] == [
        ("progress", "save_configuration", 0.333),
        ("progress", "save_configuration", 0.667),
        ("progress", "save_configuration", 1.0),
        ("complete", None, None),
    ]
    assert {one["artifactId"] for one in heard} == {str(speaker.artifact.pk)}
    assert heard[-1]["public_slug"] == speaker.last["public_slug"]


def test_a_change_after_publishing_rebuilds_the_page(speaker: Speaker) -> None:
    for words in ("", "1", "skip", "Snow"):
        speaker.say(words)
    before = Artifact.objects.get().content_r2_key
    answer = speaker.say("change TITLE to “Later Light”")
    after = Artifact.objects.get().content_r2_key
    assert (answer["done"], answer["filled"]["TITLE"]) == (True, "Later Light")
    assert "<title>Later Light</title>" in speaker.read_page()
    assert b"Winter Light" in named("published").read(before)
    assert [one["type"] for one in told("s-1")].count("complete") == 2
    speaker.say("change TITLE to Winter Light")
    assert Artifact.objects.get().content_r2_key == before != after


def test_a_skipped_placeholder_is_empty_and_not_asked_again(speaker: Speaker) -> None:
    for words in ("", "skip"):
        speaker.say(words)
    assert speaker.last["filled"] == {"TITLE": ""}
    assert speaker.last["remaining"] == ["HERO_IMAGE", "SUBTITLE"]
    assert ArtifactConfiguration.objects.get().config_value == ""
    for words in ("skip", "skip"):
        speaker.say(words)
    assert "<p></p>" in speaker.read_page()


def test_a_user_can_go_back_and_change_a_choice(speaker: Speaker) -> None:
    assert "nothing to go back to" in (speaker.say() and speaker.say("back"))["reply"]
    speaker.say("1")
    answer = speaker.say("back")
    assert "What should TITLE say? Now: “Winter Light”." in answer["reply"]
    assert [choice["label"] for choice in answer["choices"]] == ["Keep “Winter Light”"]
    answer = speaker.say("Summer Light")
    assert answer["filled"] == {"TITLE": "Summer Light"}
    assert "Which image for HERO_IMAGE?" in answer["reply"]


def test_done_asks_for_confirmation_while_something_is_open(speaker: Speaker) -> None:
    speaker.say()
    speaker.say("1")
    answer = speaker.say("done")
    assert "Still empty: HERO_IMAGE and SUBTITLE." in answer["reply"]
    assert [(choice["n"], choice["label"]) for choice in answer["choices"]] == [
        (1, "Publish with those empty"),
        (2, "Go on filling"),
    ]
    assert speaker.say("2")["filled"] == {"TITLE": "Winter Light"}
    assert "Which image for HERO_IMAGE?" in speaker.last["reply"]
    speaker.say("done")
    answer = speaker.say("1")
    assert answer["filled"] == {"TITLE": "Winter Light", "HERO_IMAGE": "", "SUBTITLE": ""}
    assert answer["done"] is True


def test_starting_over_asks_first_and_leaves_the_published_page(speaker: Speaker) -> None:
    for words in ("", "1", "skip", "Snow"):
        speaker.say(words)
    speaker.say("start over")
    assert speaker.say("no")["filled"]["SUBTITLE"] == "Snow"
    speaker.say("start over")
    answer = speaker.say("yes")
    assert (answer["filled"], answer["done"]) == ({}, False)
    assert not ArtifactConfiguration.objects.exists()
    assert "What should TITLE say?" in answer["reply"]
    assert "<p>Snow</p>" in speaker.read_page()
    for words in ("Anew", "skip", "Rain"):
        speaker.say(words)
    assert "<p>Rain</p>" in speaker.read_page()


def test_another_intent_drops_a_question_that_is_open(speaker: Speaker) -> None:
    for words in ("", "1", "start over", "change SUBTITLE to Snow"):
        speaker.say(words)
    assert speaker.last["filled"] == {"TITLE": "Winter Light", "SUBTITLE": "Snow"}
    assert "Which image for HERO_IMAGE?" in speaker.last["reply"]
    assert len(speaker.last["choices"]) == 4
    assert speaker.say("yes")["filled"] == {"TITLE": "Winter Light", "SUBTITLE": "Snow"}


def test_two_sessions_can_fill_one_page(speaker: Speaker) -> None:
    for words in ("", "1"):
        speaker.say(words)
    other = Speaker(keyed(), speaker.artifact, session="s-2")
    answer = other.say()
    assert "TITLE: “Winter Light”" in answer["reply"]
    assert "Which image for HERO_IMAGE?" in answer["reply"]
    other.say("skip")
    other.say("Snow")
    assert other.last["done"] is True
    assert speaker.say("")["done"] is True
    assert [one["type"] for one in told("s-1")] == ["progress"]
    assert Chat.objects.count() == 2


def test_an_empty_message_repeats_the_question(speaker: Speaker) -> None:
    speaker.say()
    second = speaker.say("1")
    again = speaker.say("")
    assert again["reply"] == second["reply"].partition("\n")[2]
    assert again["choices"] == second["choices"]


def test_images_are_listed_in_pages_of_twelve(speaker: Speaker, harbour: Project) -> None:
    for number in range(10):
        ProgressionFactory(project=harbour, prompt=f"pier {number}")
    speaker.say()
    first = speaker.say("1")
    assert "the newest 12 of 14 images" in first["reply"]
    assert [choice["n"] for choice in first["choices"]] == list(range(1, 13))
    second = speaker.say("more")
    assert [choice["label"] for choice in second["choices"]] == [
        f"{subject} · mock" for subject in SUBJECTS[1::-1]
    ]
    assert "13 to 14 of the 14 images" in second["reply"]
    assert speaker.say("3")["remaining"] == ["HERO_IMAGE", "SUBTITLE"]
    assert "Choice 3 does not exist. Choose 1 to 2." in speaker.last["reply"]
    assert speaker.say("more")["choices"] == first["choices"]
    speaker.say("more")
    assert speaker.say("2")["filled"]["HERO_IMAGE"] == url_of(SUBJECTS[0])


def test_an_image_is_found_by_words(speaker: Speaker, harbour: Project) -> None:
    ProgressionFactory(
        project=harbour, prompt="number 17", ai_notes=["A zebra on the shore."], ai_tags=["shore"]
    )
    for number in range(12):
        ProgressionFactory(project=harbour, prompt=f"pier {number}")
    speaker.say()
    speaker.say("1")
    assert speaker.say("the one with the unicorn")["remaining"] == ["HERO_IMAGE", "SUBTITLE"]
    assert "nothing for “unicorn”" in speaker.last["reply"]
    boats = speaker.say("the one with the boat")
    assert [choice["value"] for choice in boats["choices"]] == [url_of(SUBJECTS[3]), url_of(SUBJECTS[1])]
    answer = speaker.say("the one with the zebra")
    assert answer["filled"]["HERO_IMAGE"] == url_of("number 17")
    assert "number 17 · mock" in answer["reply"]


def test_an_image_can_be_named_by_id_or_url(speaker: Speaker) -> None:
    image = ImageProgression.objects.get(prompt=SUBJECTS[2])
    speaker.say()
    speaker.say("1")
    for named_ in (
        str(image.pk),
        url_of(SUBJECTS[2]),
        image.generated_image_url,
        f"http://testserver/api/progressions/{image.pk}",
    ):
        answer = speaker.say(f"change HERO_IMAGE to {named_}")
        assert answer["filled"]["HERO_IMAGE"] == url_of(SUBJECTS[2]), named_


def test_an_image_of_another_project_is_refused_with_the_reason(speaker: Speaker) -> None:
    foreign = ProgressionFactory(project=Project.objects.create(name="Secret"))
    speaker.say()
    speaker.say("1")
    for named_ in (str(foreign.pk), f"http://testserver{foreign.generated_image_url}"):
        answer = speaker.say(named_)
        assert "which is not part of this page" in answer["reply"]
        assert answer["filled"] == {"TITLE": "Winter Light"}
    assert "is not an image of this page's projects" in speaker.say("https://evil.example/x.png")["reply"]
    assert not ArtifactConfiguration.objects.filter(config_key="HERO_IMAGE").exists()


def test_a_project_fills_all_images_in_order(draft: Callable[..., Artifact], harbour: Project) -> None:
    other = Project.objects.create(name="Winter Boats")
    ProgressionFactory(project=other, prompt="ice")
    speaker = Speaker(keyed(), draft(THREE_IMAGES, projects=[harbour, other]))
    speaker.say()
    answer = speaker.say("all from project Harbour in order")
    assert [answer["filled"][f"IMAGE_{n}"] for n in (1, 2, 3)] == [
        url_of(subject) for subject in SUBJECTS[:3]
    ]
    assert answer["remaining"] == ["CAPTION_1", "CAPTION_2", "CAPTION_3"]
    assert answer["choices"] == [{"n": 1, "label": SUBJECTS[0], "value": SUBJECTS[0]}]
    speaker.artifact = draft(THREE_IMAGES, projects=[harbour, other])
    speaker.say()
    answer = speaker.say("all images from Winter Boats in order")
    assert answer["filled"] == {"IMAGE_1": url_of("ice")}
    assert "It has only 1." in answer["reply"]


def test_a_link_accepts_only_allowed_urls(draft: Callable[..., Artifact]) -> None:
    speaker = Speaker(keyed(), draft(WITH_LINK))
    for words in ("", "1"):
        speaker.say(words)
    for bad in ("javascript:alert(1)", "data:text/html,x", "two words", "JaVaScRiPt:alert(1)"):
        assert "is not a URL" in speaker.say(bad)["reply"], bad
        assert speaker.last["remaining"] == ["LINK"]
    offered = speaker.say("www.example.com/a")
    assert offered["choices"] == [
        {"n": 1, "label": "https://www.example.com/a", "value": "https://www.example.com/a"}
    ]
    speaker.say("1")
    assert 'href="https://www.example.com/a"' in speaker.read_page()


def test_a_page_without_images_to_choose_from_says_so(draft: Callable[..., Artifact]) -> None:
    empty = Project.objects.create(name="Empty")
    speaker = Speaker(keyed(), draft(projects=[empty]))
    speaker.say()
    assert "The project “Empty” has no images yet" in speaker.say("1")["reply"]
    assert "There are no images yet." in speaker.say("latest")["reply"]
    assert speaker.say("skip")["remaining"] == ["SUBTITLE"]


def test_several_intents_in_one_message_are_done_in_order(speaker: Speaker) -> None:
    speaker.say()
    speaker.say("1")
    answer = speaker.say("the second one, then skip")
    assert answer["filled"] == {
        "TITLE": "Winter Light",
        "HERO_IMAGE": url_of(SUBJECTS[2]),
        "SUBTITLE": "",
    }
    assert answer["done"] is True


def test_every_choice_is_shown(speaker: Speaker) -> None:
    speaker.say()
    speaker.say("1")
    speaker.say("latest")
    assert speaker.say("show")["reply"].splitlines()[:3] == [
        "TITLE: “Winter Light”",
        "HERO_IMAGE: the image “two boats at sea · mock”",
        "SUBTITLE: not filled yet",
    ]
    assert "“start over” clears everything" in speaker.say("help")["reply"]
