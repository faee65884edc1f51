"""The replay script: the calls that made a project, in order, with the seed of each variant."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from artifacts.generator import EmptyMaterialError, generators
from artifacts.material import ImageFacts, JobFacts, Material
from artifacts.options import parse
from tests.artifacts.materials import START_MS, image_of, job_of, material_of, original, uuid_of, variant_of


def script(material: Material, **options: object) -> Any:
    generator = generators.get("seedReplayScript")
    (file,) = generator.generate(material, parse(generator.options, options))
    return json.loads(file.content)


def made_by(job: JobFacts, *images: ImageFacts, **changes: Any) -> Material:
    return replace(material_of(0), jobs=(job,), images=images, **changes)


def one_provider(index: int, seeds: list[int], **changes: Any) -> JobFacts:
    """A job of the mock with images from `4 * index` on, one for each seed."""
    variants = tuple(
        replace(
            variant_of(0), id=uuid_of(700_000 + 4 * index + at), provider="mock", model="mock-painter-1",
            index=at, number=at, seed=seed, image_id=uuid_of(4 * index + at),
        )
        for at, seed in enumerate(seeds)
    )  # fmt: skip
    fields: dict[str, Any] = {
        "providers": ("mock",),
        "variants_per_provider": len(seeds),
        "variants": variants,
        "seed": None,
    }
    return replace(job_of(index, range(0), ""), **(fields | changes))


def test_a_job_with_a_seed_is_requested_with_that_seed() -> None:
    material = made_by(one_provider(0, [7, 8], seed=7), image_of(0), image_of(1))
    (call,) = script(material)["calls"]
    assert call["route"] == "POST /api/projects/{projectId}/jobs"
    assert call["body"] == {
        "prompt": "a lighthouse at dusk, number 0",
        "providers": ["mock"],
        "sessionId": "replay",
        "kind": "generate",
        "variants": 2,
        "seed": 7,
        "models": {"mock": "mock-painter-1"},
        "allowDuplicates": False,
        "size": "1024x1024",
        "options": {"mock": {"latency_s": 0}},
    }
    assert call["results"][1]["sha256"] == hashlib.sha256(original(1)).hexdigest()


def test_random_seeds_are_given_one_by_one_to_keep_each_variant_index() -> None:
    material = made_by(one_provider(0, [91, 12]), image_of(0), image_of(1))
    (call,) = script(material)["calls"]
    assert call["body"]["seeds"] == {"mock": [91, 12]}
    assert call["body"]["variants"] == 2
    assert "seed" not in call["body"]


def test_a_retry_with_uneven_counts_becomes_one_call_for_each_count() -> None:
    job = one_provider(0, [5, 9])
    other = replace(job.variants[0], id=uuid_of(1), provider="workers", seed=3, image_id=None)
    job = replace(job, variants=(*job.variants, other), providers=("mock", "workers"))
    bodies = [call["body"] for call in script(made_by(job, image_of(0), image_of(1)))["calls"]]
    assert [(body["providers"], body["seeds"]) for body in bodies] == [
        (["mock"], {"mock": [5, 9]}),
        (["workers"], {"workers": [3]}),
    ]


def test_an_edit_names_its_parent_by_the_call_that_made_it_regardless_of_clocks() -> None:
    parent = one_provider(0, [7], created_at=START_MS + 10)
    child = one_provider(
        1,
        [8],
        kind="edit",
        parent_id=uuid_of(0),
        start_image_key="project/p/jobs/j/orig/0",
        created_at=START_MS,
    )
    images = (image_of(0), image_of(4, parent=0))
    material = replace(material_of(0), jobs=(child, parent), images=images)
    first, second = script(material)["calls"]
    assert (first["references"], first["body"]["kind"]) == ({}, "generate")
    assert second["references"] == {
        "parentProgressionId": {"call": 1, "provider": "mock", "variantIndex": 0}
    }  # fmt: skip


def test_an_external_start_image_and_a_mask_are_named_by_object_and_digest() -> None:
    job = one_provider(
        0, [7], kind="inpaint", start_image_url="https://user:secret@example.com/a.png?token=1",
        start_image_key="project/p/jobs/j/orig/5", mask_key="project/p/jobs/j/orig/6",
    )  # fmt: skip
    made = script(made_by(job, image_of(0)))
    assert made["calls"][0]["references"] == {
        "startImageUrl": {
            "object": "project/p/jobs/j/orig/5",
            "sha256": hashlib.sha256(original(5)).hexdigest(),
        },
        "maskImageUrl": {
            "object": "project/p/jobs/j/orig/6",
            "sha256": hashlib.sha256(original(6)).hexdigest(),
        },
    }
    assert "secret" not in json.dumps(made)


def test_kept_variants_and_rollbacks_are_separate_calls() -> None:
    job = one_provider(0, [7, 8])
    job = replace(job, variants=(job.variants[0], replace(job.variants[1], status="skipped")))
    back = replace(image_of(9), kind="rollback", parent_id=uuid_of(1), seed=None)
    calls = script(made_by(job, image_of(0), image_of(1, parent=None), back))["calls"]
    assert [call["route"].split("/")[-1] for call in calls] == ["jobs", "keep", "rollback"]
    assert calls[1]["references"] == {"variantId": {"call": 1, "provider": "mock", "variantIndex": 1}}
    assert calls[2]["references"] == {"progressionId": {"call": 2}}


def test_irreproducible_parts_are_reported() -> None:
    def nothing(key: str) -> bytes:
        raise FileNotFoundError(key)

    job = one_provider(0, [7], kind="edit", start_image_key="project/p/gone")
    lone = replace(image_of(9), job_id=None)
    material = made_by(job, replace(image_of(0), provider="openai", seed=None), lone, read=nothing)
    notes = script(material)["notes"]
    assert notes[:3] == [
        "openai used no seed for 1 image, so they will differ.",
        "1 image cannot be made again: the job no longer exists.",
        "The object project/p/gone is missing from the originals storage.",
    ]


def test_jobs_without_images_are_included_on_request() -> None:
    lost = one_provider(0, [7])
    lost = replace(lost, variants=(replace(lost.variants[0], status="failed", image_id=None),))
    with pytest.raises(EmptyMaterialError, match="no job has left an image yet"):
        script(made_by(lost))
    assert len(script(made_by(lost), include_failed=True)["calls"]) == 1
