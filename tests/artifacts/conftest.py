"""Fixtures of the artifacts tests: a project with stored images, as a job leaves them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artifacts.generators.walkthrough_reel import generator as walkthrough_reel
from artifacts.making import intake
from artifacts.models import Artifact, ArtifactView
from artifacts.publishing import view_rows, viewlog
from artifacts.publishing.viewlog import ViewLog
from artifacts.publishing.visits import RecentVisits
from dali.lib.files.spool import Spool
from dali.lib.objects.storage import originals
from projects.models import Project
from tests.artifacts.materials import original
from tests.factories import ProgressionFactory


@pytest.fixture
def shown(db: None) -> Project:
    """A project of three images with stored originals."""
    project = Project.objects.create(name="Harbour lights", description="For the autumn campaign.")
    for number in range(3):
        content = original(number)
        key = f"project/{project.pk}/jobs/j/orig/{number}"
        originals().put_once(key, content, media_type="image/png")
        address = f"/images/{hashlib.sha256(content).hexdigest()}.webp"
        ProgressionFactory(
            project=project,
            prompt=f"a lighthouse at dusk, number {number}",
            generated_image_url=address,
            generated_image_r2_key=key,
            original_image_r2_key=key,
        )
    return project


@pytest.fixture
def publish(shown: Project) -> Callable[..., Artifact]:
    """A function that makes an artifact of the project; a lookbook by default."""

    def make(generator: str = "lookbook", **fields: Any) -> Artifact:
        return intake.create_artifact(generator=generator, project_ids=[shown.pk], **fields)

    return make


@pytest.fixture
def restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ViewLog]:
    """A function that replaces the view log as a new process would: it knows only what is on disk."""

    def new() -> ViewLog:
        log = ViewLog(Spool(tmp_path / "views"))
        monkeypatch.setattr(viewlog, "view_log", lambda: log)
        monkeypatch.setattr(view_rows, "_visits", RecentVisits())
        return log

    return new


@pytest.fixture
def views(restart: Callable[[], ViewLog]) -> Callable[[], int]:
    """A function that returns the number of counted views."""
    restart()

    def count() -> int:
        assert viewlog.view_log().write_out()
        return ArtifactView.objects.count()

    return count


@pytest.fixture
def small_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes 720p films with a quarter of the width and height, for tests in which the size does not matter."""
    monkeypatch.setitem(walkthrough_reel.SIZES, "720p", (320, 180))
