"""One odd image never breaks an artifact: thin, damaged and missing ones, and those that break a generator."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts.generator import EmptyMaterialError, generators
from artifacts.models import Artifact
from artifacts.options import parse
from artifacts.parts.originals import MISSING, UNREADABLE, UNSHOWABLE, Original, use_original
from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import named, originals
from projects.models import Project
from tests.artifacts.materials import image_of, material_of, original
from tests.artifacts.test_generator_contract import ALL, made_of
from tests.artifacts.thin_pictures import thin_material

ROOT = Path(__file__).resolve().parents[3]
# A 720p film with nine pictures takes 170, decoding a 1024 x 1024 picture takes 10.
MOST_MB = 350


@pytest.mark.usefixtures("small_films")
@pytest.mark.parametrize("name", ALL)
def test_every_generator_shows_pictures_of_any_shape(name: str) -> None:
    material = thin_material()
    assert all(file.content for file in made_of(name, material))
    assert material.left_out == {}


@pytest.mark.rest
def test_thin_pictures_take_no_more_memory_than_their_output() -> None:
    command = [sys.executable, "-m", "tests.artifacts.thin_pictures"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    peaks = dict(line.split() for line in done.stdout.splitlines())
    assert sorted(peaks) == generators.names()
    assert {name: peak for name, peak in peaks.items() if int(peak) > MOST_MB} == {}


@pytest.mark.usefixtures("small_films")
@pytest.mark.parametrize("name", ALL)
def test_the_rest_is_shown_when_some_originals_are_missing_or_damaged(name: str) -> None:
    contents = {"0": original(0), "2": original(2)[:60], "3": b"", "4": b"<svg/>"}

    def read(key: str) -> bytes:
        found = contents.get(key.rsplit("/", 1)[-1])
        if found is None:
            raise FileNotFoundError(key)
        return found

    material = replace(material_of(5), read=read)
    assert all(file.content for file in made_of(name, material))
    assert set(material.left_out) <= {image.id for image in material.images[1:]}
    if name in ("gallery", "storyboard", "walkthroughReel"):
        reasons = [material.left_out.get(image.id) for image in material.images]
        assert reasons == [None, MISSING, UNREADABLE, UNREADABLE, UNREADABLE]


@pytest.mark.parametrize("name", ["gallery", "walkthroughReel"])
def test_an_artifact_that_would_show_no_image_is_refused_with_a_message(name: str) -> None:
    def read(key: str) -> bytes:
        raise FileNotFoundError(key)

    generator = generators.get(name)
    with pytest.raises(EmptyMaterialError, match="none of the chosen images can be shown"):
        generator.generate(replace(material_of(2), read=read), parse(generator.options, {"include": "all"}))


def test_a_picture_that_breaks_a_generator_is_left_out() -> None:
    def halved(found: Original) -> int:
        if found.picture.height != found.picture.width:
            raise ZeroDivisionError
        return found.picture.width

    material = material_of(2)
    assert [use_original(material, image, halved) for image in material.images] == [128, None]
    assert material.left_out == {material.images[1].id: UNSHOWABLE}


def test_a_storage_failure_is_not_blamed_on_the_image() -> None:
    def read(key: str) -> bytes:
        raise UnavailableError("The originals cannot be read.")

    material = replace(material_of(1), read=read)
    with pytest.raises(UnavailableError):
        use_original(material, image_of(0), lambda found: found)
    assert material.left_out == {}


@pytest.mark.django_db
def test_the_manifest_names_the_images_left_out(publish: Callable[..., Artifact], shown: Project) -> None:
    images = list(shown.progressions.exclude(judgment="fail").order_by("created_at", "id"))
    images[1].generated_image_r2_key = f"project/{shown.pk}/jobs/gone/orig/0"
    images[1].save()
    damaged = f"project/{shown.pk}/jobs/damaged/orig/0"
    originals().put_once(damaged, b"\x89PNG\r\n\x1a\n", media_type="image/png")
    images[2].generated_image_r2_key = damaged
    images[2].save()
    artifact = publish("gallery")
    assert artifact.manifest["left_out"] == [
        {"id": str(images[1].pk), "reason": MISSING},
        {"id": str(images[2].pk), "reason": UNREADABLE},
    ]
    kept = [str(image.pk) for image in images if image not in images[1:3]]
    assert artifact.manifest["progressions"] == kept
    assert named("published").read(artifact.content_r2_key).startswith(b"glTF")
