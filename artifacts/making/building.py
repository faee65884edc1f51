"""Builds an artifact: runs the generator and stores its files under their digest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from artifacts.generator import Answers, File, ImageOptions, Report, chosen_images, generators, in_silence
from artifacts.making.gathering import gather
from artifacts.models import Artifact
from artifacts.options import parse
from dali.lib.objects.storage import named

log = structlog.get_logger(__name__)

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Built:
    """What was stored: the key of the first file, and the manifest."""

    content_key: str
    manifest: dict[str, Any]


def build(artifact: Artifact, report: Report = in_silence) -> Built:
    """Builds the artifact from what its projects contain now; earlier builds stay stored.

    Raises EmptyMaterialError and InputError (options the generator does not take). Does not change the row; no
    transaction is open. The same work gives the same keys and bytes.
    """
    generator = generators.get(artifact.generator)
    options = parse(generator.options, artifact.options)
    project_ids = list(artifact.projects.order_by("projectartifact__id").values_list("id", flat=True))
    material = gather(title=artifact.title, project_ids=project_ids, needs=generator.needs)
    files = generator.generate(material, options, report)
    images = chosen_images(material, options) if isinstance(options, ImageOptions) else material.images
    left_out = [
        {"id": str(image.id), "reason": material.left_out[image.id]}
        for image in images
        if image.id in material.left_out
    ]
    return store(
        artifact,
        files,
        generator=generator.name,
        progressions=[str(image.id) for image in images if image.id not in material.left_out],
        answers=generator.answers_for(options),
        also={"left_out": left_out},
    )


def store(
    artifact: Artifact,
    files: Sequence[File],
    *,
    generator: str,
    progressions: Sequence[str],
    answers: Answers | None = None,
    also: Mapping[str, object] | None = None,
) -> Built:
    """Writes the files and their manifest to `artifacts/<id>/<digest>/` in the published storage, once.

    `generator`: its name, empty for a filled template. `also`: further entries of the manifest.
    """
    described = [
        {
            "name": file.name,
            "media_type": file.media_type,
            "bytes": len(file.content),
            "sha256": hashlib.sha256(file.content).hexdigest(),
            "inline": {"scripts": list(file.inline.scripts), "styles": list(file.inline.styles)},
        }
        for file in files
    ]
    manifest = {
        "artifact": str(artifact.id),
        "generator": generator,
        "title": artifact.title,
        "options": artifact.options,
        "projects": [str(pk) for pk in artifact.projects.order_by("id").values_list("id", flat=True)],
        "progressions": list(progressions),
        "files": described,
        "answers": asdict(answers or Answers()),
        **(also or {}),
    }
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()
    folder = f"artifacts/{artifact.id}/{hashlib.sha256(text).hexdigest()[:24]}"
    storage = named("published")
    for file in files:
        storage.put_once(f"{folder}/{file.name}", file.content, media_type=file.media_type)
    storage.put_once(f"{folder}/{MANIFEST}", text, media_type="application/json")
    return Built(f"{folder}/{files[0].name}", manifest)
