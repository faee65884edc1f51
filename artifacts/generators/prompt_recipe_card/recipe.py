"""The job body that asks for an image again, and a command that sends it."""

import json
import shlex
import unicodedata
from collections.abc import Mapping

from artifacts.material import ImageFacts, JobFacts, Material, VariantFacts

# Placeholder for a mask's URL, which may contain a key to its owner's storage and is not published.
MASK = "ADDRESS_OF_THE_MASK"


def find_variant(material: Material, image: ImageFacts) -> tuple[JobFacts | None, VariantFacts | None]:
    """The job and the variant that made an image, if the material has them."""
    job = next((one for one in material.jobs if one.id == image.job_id), None)
    variants = job.variants if job else ()
    return job, next((one for one in variants if one.image_id == image.id), None)


def job_body(material: Material, image: ImageFacts) -> dict[str, object]:
    """The body for `POST /api/projects/<id>/jobs` that makes this image again, and nothing else.

    The prompt is the one written: it will be refined with the tips of that time. Duplicates are allowed; otherwise the
    new image would be skipped as a near-duplicate of this one.
    """
    job, variant = find_variant(material, image)
    seed = image.seed if image.seed is not None or variant is None else variant.seed
    body: dict[str, object] = {
        "prompt": image.prompt,
        "providers": [image.provider],
        "sessionId": "recipe",
        "allowDuplicates": True,
    }
    if image.kind != "generate":
        body["kind"] = image.kind
    if image.model:
        body["models"] = {image.provider: image.model}
    if seed is not None:
        body["seed"] = seed
    if job is not None and job.size:
        body["size"] = job.size
    if options := options_of(job, image.provider):
        body["options"] = options
    return body | _images_of(material, image, job)


def options_of(job: JobFacts | None, provider: str) -> Mapping[str, object]:
    """The job's options of this provider only."""
    return {name: value for name, value in (job.options if job else {}).items() if name == provider}


def _images_of(material: Material, image: ImageFacts, job: JobFacts | None) -> dict[str, object]:
    found: dict[str, object] = {}
    parent = next((one for one in material.images if one.id == image.parent_id), None)
    if parent is not None:
        found["parentProgressionId"] = str(parent.id)
    if image.start_url and (parent is None or parent.url != image.start_url):
        found["startImageUrl"] = image.start_url
    if job is not None and job.mask_key:
        own = f"{material.origin}/images/"
        found["maskImageUrl"] = job.mask_image_url if job.mask_image_url.startswith(own) else MASK
    return found


def curl_command(material: Material, image: ImageFacts) -> str:
    """A command for a POSIX shell that asks for the image again, with the key in $DALI_API_KEY.

    One quoted argument holds everything users wrote; invisible characters are escaped, so that what you read is what
    runs.
    """
    body = job_body(material, image).items()
    lines = (f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in body)
    text = "{\n" + ",\n".join(lines) + "\n}"
    address = f"{material.origin}/api/projects/{image.project_id}/jobs"
    return (
        f"curl -sS {shlex.quote(address)} \\\n"
        '  -H "X-Api-Key: $DALI_API_KEY" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(_visible(text))}"
    )


def _visible(text: str) -> str:
    """JSON with escapes for invisible characters, such as those that change the text direction."""
    return "".join(
        json.dumps(one)[1:-1] if one not in " \n" and unicodedata.category(one)[0] in "CZ" else one
        for one in text
    )
