"""Fixtures of the Artifact Agent's tests: a draft of a template, and a user who chats with the agent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from artifacts.agent import pages
from artifacts.filling import templates
from artifacts.making import intake
from artifacts.models import Artifact
from projects.models import Project
from tests.clients import keyed
from tests.factories import ProgressionFactory

TEMPLATE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{TITLE}}</title></head>
<body><h1>{{TITLE}}</h1><img src="{{HERO_IMAGE}}" alt=""><p>{{SUBTITLE}}</p></body></html>"""
SUBJECTS = ("a lighthouse at dusk", "a boat in the harbour", "a red barn", "two boats at sea")


@dataclass
class Speaker:
    """A user in a session about one artifact; `last` is the answer that they got last."""

    client: APIClient
    artifact: Artifact
    session: str = "s-1"
    last: dict[str, Any] = field(default_factory=dict)

    def say(self, words: str = "") -> dict[str, Any]:
        """The answer to a message."""
        body = {"sessionId": self.session, "input": words}
        answer = self.client.post(f"/api/artifacts/{self.artifact.pk}/customize", body)
        assert answer.status_code == 200, answer.content
        self.last = answer.json()
        return self.last

    def read_page(self) -> str:
        """What visitors see."""
        answer = self.client.get(f"/public/artifact/{self.last['public_slug']}")
        assert answer.status_code == 200
        content: bytes = answer.getvalue()
        return content.decode()


@pytest.fixture(autouse=True)
def _alone(settings: Settings) -> None:
    """Clears rate counters and cached templates, which would otherwise leak in from other tests."""
    settings.CUSTOMIZE_RATE = "100000/m"
    pages.forget()


@pytest.fixture
def harbour(db: None) -> Project:
    """A project of four images, the newest last."""
    project = Project.objects.create(name="Harbour")
    for subject in SUBJECTS:
        ProgressionFactory(project=project, prompt=subject)
    return project


@pytest.fixture
def draft(harbour: Project) -> Callable[..., Artifact]:
    """A function that makes a draft of a template, for the project of four images by default."""

    def make(template: str = TEMPLATE, *, title: str = "Winter Light", projects: Any = None) -> Artifact:
        key = templates.store_template(content=template.encode()).r2_key
        ids = [project.pk for project in projects or [harbour]]
        return intake.draft_of_template(template_key=key, project_ids=ids, title=title)

    return make


@pytest.fixture
def speaker(draft: Callable[..., Artifact]) -> Speaker:
    """A user who starts to fill the small template."""
    return Speaker(keyed(), draft())
