"""Whole talks with the Artifact Agent, through the API."""

import pytest

from artifacts.models import Artifact
from progressions.models import Event, ImageProgression
from tests.artifacts.customizing.conftest import Speaker

pytestmark = pytest.mark.django_db


def test_a_template_is_filled_by_talking(speaker: Speaker) -> None:
    images = list(ImageProgression.objects.order_by("-created_at", "-id"))
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
    second = speaker.say("1")
    assert second["filled"] == {"TITLE": "Winter Light"}
    assert second["reply"].startswith("TITLE is now “Winter Light”.\nWhich image for HERO_IMAGE?")
    urls = [f"http://testserver{image.generated_image_url}" for image in images]
    assert [choice["thumbnailUrl"] for choice in second["choices"]] == urls
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


def test_the_session_hears_of_each_choice_and_of_the_page(speaker: Speaker) -> None:
    for words in ("", "1", "latest", "skip"):
        speaker.say(words)
    told = [
        {key: value for key, value in __import__("json").loads(event.text).items() if key != "ts"}
        for event in Event.objects.filter(session_id="s-1").order_by("seq")
    ]
    assert [(one["type"], one.get("step"), one.get("progress")) for one in told] == [
        ("progress", "save_configuration", 0.333),
        ("progress", "save_configuration", 0.667),
        ("progress", "save_configuration", 1.0),
        ("complete", None, None),
    ]
    assert {one["artifactId"] for one in told} == {str(speaker.artifact.pk)}
    assert told[-1]["public_slug"] == speaker.last["public_slug"]
