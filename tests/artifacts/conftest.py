"""Fixtures of the artifacts tests: a project whose images are stored, as a job leaves them."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from artifacts import intake
from artifacts.generators import walkthrough_reel
from artifacts.models import Artifact
from dali.lib.storage import originals
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
    """A function that makes an artifact of the project; a lookbook unless told otherwise."""

    def make(generator: str = "lookbook", **fields: Any) -> Artifact:
        return intake.create_artifact(generator=generator, project_ids=[shown.pk], **fields)

    return make


@pytest.fixture
def small_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films of 720p have a quarter of its width and height, for tests in which the size plays no part."""
    monkeypatch.setitem(walkthrough_reel.SIZES, "720p", (320, 180))
