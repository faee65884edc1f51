"""Requests made from the OpenAPI document: the server accepts what it allows, and refuses what it forbids."""

import io
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from rest_framework.test import APIClient
from schemathesis.core.parameters import ParameterLocation

from artifacts.filling.templates import store_template
from artifacts.making.intake import create_artifact
from progressions.models import ImageProgression
from projects.models import ApiKey
from tests.dali.test_openapi import document
from tests.factories import ProgressionFactory
from tests.small_world import make_world

# For each route; hundreds find no more errors, and take minutes.
EXAMPLES = 6
# Answered outside Django's views, or not used by clients that send data.
ELSEWHERE = r"^/(healthz|readyz|api/stream/[^/]+$|api/schema|api/docs)|/live$"
PAGE = b"<html><body><h1>{{TITLE}}</h1></body></html>"


def picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), "navy").save(buffer, form)
    return buffer.getvalue()


for media_type in (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/bmp",
    "image/tiff",
    "image/avif",
):
    schemathesis.openapi.media_type(media_type, st.just(picture(media_type.removeprefix("image/").upper())))
schemathesis.openapi.media_type("text/html", st.just(PAGE))

SCHEMA = schemathesis.openapi.from_dict(document()).exclude(path_regex=ELSEWHERE)
SCHEMA.app = get_wsgi_application()


@pytest.fixture
def world(transactional_db: None) -> dict[str, Any]:
    """A key, and rows that the requests name."""
    _, key = ApiKey.objects.create_key(name="schemathesis")
    rows = make_world(artifact=False)
    image = ImageProgression.objects.get(pk=rows["image"])
    ImageProgression.objects.filter(pk=image.pk).update(judgment="pass")
    ProgressionFactory(
        project=image.project, judgment="fail", generated_image_r2_key=image.generated_image_r2_key
    )
    artifact = create_artifact(
        generator="votingDeck", project_ids=[image.project_id], options={"include": "all"}
    )
    visitor = APIClient()
    state = visitor.get(f"/public/artifact/{artifact.public_slug}/state").json()
    return {
        "key": key,
        "session_id": "s-1",
        "slug": artifact.public_slug,
        "project_id": rows["project"],
        "artifact_id": str(artifact.pk),
        "progression_id": rows["image"],
        "job_id": rows["job"],
        "variant_id": rows["skipped"],
        "image": image.generated_image_url,
        "template": store_template(content=PAGE, name="page.html", owner="").r2_key,
        "token": state["token"],
        "cookies": {name: morsel.value for name, morsel in visitor.cookies.items()},
        "choice": state["answers"]["votes"][0],
    }


@SCHEMA.parametrize()
@hypothesis_settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests_are_answered_as_documented(case: Any, world: dict[str, Any]) -> None:
    if is_positive(case, ParameterLocation.PATH):
        case.path_parameters = {name: world[name] for name in case.path_parameters or {}}
    if is_positive(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        for name, value in case.body.items():
            case.body[name] = named(name, value, world)
    if case.path.startswith("/public/") and is_positive(case, ParameterLocation.COOKIE):
        case.cookies = {**(case.cookies or {}), **world["cookies"]}
    sent = {"X-Api-Key": world["key"]} if is_positive(case, ParameterLocation.HEADER) else {}
    response = case.call(headers=sent)
    if response.status_code == 422 and "came before with another body" in response.text:
        return  # the generator sends an idempotency key again with another body
    case.validate_response(response, headers=sent)


def is_positive(case: Any, location: ParameterLocation) -> bool:
    """Whether this part of the request conforms to the document."""
    part = case.meta.components.get(location)
    return part is None or part.mode.is_positive


def named(name: str, value: Any, world: dict[str, Any]) -> Any:
    """The value; a reference to a row gets an existing id, because a document cannot say which rows exist."""
    rows: dict[str, Any] = {
        "parentProgressionId": world["progression_id"],
        "imageId": world["progression_id"],
        "projectId": world["project_id"],
        "templateR2Key": world["template"],
        "token": world["token"],
        "choice": world["choice"],
    }
    if isinstance(value, str) and name in ("startImageUrl", "maskImageUrl"):
        is_own = value.strip().startswith(("/", "http://testserver/"))
        return world["image"] if is_own else value
    if isinstance(value, list) and name == "projectIds":
        return [world["project_id"]]
    if name == "replyTo":
        return None
    return rows[name] if isinstance(value, str) and name in rows else value
