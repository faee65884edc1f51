"""Fixtures of the progressions tests: fake plug-ins, a project, and work done in the test's thread."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from progressions.judge import judges
from progressions.models import Event, Job
from progressions.pipeline import orchestrator
from progressions.pipeline.intake.submit import JobDraft, submit_job
from progressions.provider import providers
from progressions.work import claims
from projects.models import Project
from tests.events import check_documented
from tests.progressions.fakes import FakeJudge, FakeProvider


@pytest.fixture
def fake_provider() -> Iterator[FakeProvider]:
    """A provider called `fake`."""
    with providers.register_temporarily(FakeProvider()) as provider:
        assert isinstance(provider, FakeProvider)
        yield provider


@pytest.fixture
def fake_judge(settings: Settings) -> Iterator[FakeJudge]:
    """A judge called `fake`, which is the one in use."""
    settings.JUDGE = "fake"
    with judges.register_temporarily(FakeJudge()) as judge:
        assert isinstance(judge, FakeJudge)
        yield judge


@pytest.fixture
def project(db: None) -> Project:
    """A project without work."""
    return Project.objects.create(name="Lighthouses")


@pytest.fixture
def submit(project: Project, fake_provider: FakeProvider, fake_judge: FakeJudge) -> Callable[..., Job]:
    """A function that submits a job of the fake provider; keyword arguments go to the draft."""

    def submit_draft(**fields: Any) -> Job:
        draft = {"prompt": "a lighthouse", "providers": ("fake",), "session_id": "s-1", **fields}
        return submit_job(project=project, draft=JobDraft(**draft))

    return submit_draft


def work_all() -> int:
    """Does all due work in this thread; returns how many rows were claimed."""
    taken = 0
    while (lease := claims.claim_next()) is not None:
        orchestrator.run_lease(lease)
        taken += 1
    return taken


def told(session_id: str = "s-1") -> list[dict[str, Any]]:
    """The events of a session as clients see them, each checked against the OpenAPI document."""
    rows = Event.objects.filter(session_id=session_id).order_by("seq")
    events = [json.loads(text) for text in rows.values_list("text", flat=True)]
    for event in events:
        check_documented(event)
    return events
