"""Rebuilding a page that was filled by chat from its rows."""

import io
from collections.abc import Callable

import pytest
from django.core.management import call_command

from artifacts.models import Artifact, ArtifactConfiguration
from tests.artifacts.agent.conftest import Speaker

pytestmark = pytest.mark.django_db


def test_a_page_is_rebuilt_from_its_rows(speaker: Speaker) -> None:
    for words in ("", "1", "skip", "Snow"):
        speaker.say(words)
    artifact = Artifact.objects.get()
    address = f"/api/artifacts/{artifact.pk}/rebuild"
    same = speaker.client.post(address)
    assert (same.status_code, same.json()["r2_key"]) == (200, artifact.content_r2_key)
    ArtifactConfiguration.objects.filter(config_key="SUBTITLE").update(config_value="Rain")
    changed = speaker.client.post(address).json()
    assert changed["r2_key"] != artifact.content_r2_key
    assert "<p>Rain</p>" in speaker.read_page()


def test_an_incomplete_page_is_not_published(speaker: Speaker) -> None:
    address = f"/api/artifacts/{speaker.artifact.pk}/rebuild"
    assert speaker.client.post(address).status_code == 409
    for words in ("", "1"):
        speaker.say(words)
    answer = speaker.client.post(address)
    assert answer.status_code == 409
    assert "HERO_IMAGE, SUBTITLE" in answer.json()["errors"][0]["detail"]
    assert Artifact.objects.get().status == "draft"


def test_an_unpublished_page_stays_unpublished(speaker: Speaker) -> None:
    for words in ("", "1", "skip", "Snow"):
        speaker.say(words)
    address = f"/api/artifacts/{speaker.artifact.pk}"
    speaker.client.post(f"{address}/unpublish")
    assert speaker.client.post(f"{address}/rebuild").json()["status"] == "unpublished"
    answer = speaker.say("change SUBTITLE to Rain")
    assert (answer["done"], answer["public_slug"]) == (True, speaker.artifact.public_slug)
    assert "still unpublished" in answer["reply"]
    assert speaker.client.get(f"/public/artifact/{answer['public_slug']}").status_code == 410


def test_the_command_rebuilds_all_pages(speaker: Speaker, draft: Callable[..., Artifact]) -> None:
    for words in ("", "1", "skip", "Snow"):
        speaker.say(words)
    draft()
    ArtifactConfiguration.objects.filter(config_key="SUBTITLE").update(config_value="Rain")
    out = io.StringIO()
    call_command("rebuild_artifacts", stdout=out, stderr=io.StringIO())
    assert out.getvalue() == "1 checked: 1 rebuilt, 0 unchanged, 0 failed.\n"
    assert "<p>Rain</p>" in speaker.read_page()
