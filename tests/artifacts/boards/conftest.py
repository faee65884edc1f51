"""Fixtures of interactive pages: a deck and a board of three images, and visitors who opened them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from artifacts.models import Artifact


@dataclass
class Visitor:
    """A browser on one page; `token` is the one from the last `open`."""

    page: str
    browser: APIClient = field(default_factory=lambda: APIClient(raise_request_exception=False))
    token: str = ""

    def open(self) -> dict[str, Any]:
        """Reads the state and keeps its token."""
        answer = self.browser.get(f"{self.page}/state")
        assert answer.status_code == 200, answer.content
        state: dict[str, Any] = answer.json()
        self.token = state["token"]
        return state

    def vote(self, image: str, choice: str, **headers: str) -> Any:
        """The response to a vote."""
        body = {"token": self.token, "imageId": image, "choice": choice}
        return self.browser.post(f"{self.page}/votes", body, headers=headers)

    def write(self, image: str, text: str, **more: Any) -> Any:
        """The response to a comment."""
        body = {"token": self.token, "imageId": image, "text": text, "name": "", "website": "", **more}
        return self.browser.post(f"{self.page}/comments", body)


def visit(artifact: Artifact) -> Visitor:
    """A new visitor who has the page open."""
    visitor = Visitor(f"/public/artifact/{artifact.public_slug}")
    visitor.open()
    return visitor


def images_of(artifact: Artifact) -> list[str]:
    """The ids of the images on its page, in the page's order."""
    shown: list[str] = artifact.manifest["progressions"]
    return shown


@pytest.fixture(autouse=True)
def _counts_from_zero() -> None:
    """Clears the rate counters: they are in the cache, which outlives a test."""
    cache.clear()


@pytest.fixture
def deck(publish: Callable[..., Artifact]) -> Artifact:
    """A voting deck."""
    return publish("votingDeck")


@pytest.fixture
def board(publish: Callable[..., Artifact]) -> Artifact:
    """A review board."""
    return publish("reviewBoard")
