"""The rules of bodies: the OpenAPI document refuses exactly what the server refuses."""

import re
from functools import cache
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from dali.lib.errors import InputError
from dali.lib.web.schema.fields import whole_number_pattern
from progressions.enums import Kind
from progressions.provider import Draft, providers
from tests.clients import keyed
from tests.dali.test_openapi import document
from tests.factories import ProgressionFactory
from tests.progressions.fakes import FakeProvider

URL = "https://images.example.com/a.png"
# Placeholders that are replaced once rows exist.
PROJECT, IMAGE = "<project>", "<image>"


@cache
def validator(name: str) -> OAS31Validator:
    return OAS31Validator({"$ref": f"#/components/schemas/{name}", "components": document()["components"]})


def is_documented(name: str, body: object) -> bool:
    return bool(validator(name).is_valid(body))


def job(**changes: Any) -> dict[str, Any]:
    return {"prompt": "a lighthouse", "providers": ["mock"], "sessionId": "s-1", **changes}


def edit(**changes: Any) -> dict[str, Any]:
    return job(kind="edit", startImageUrl=URL, **changes)


JOBS_TAKEN = {
    "the least": job(),
    "unknown fields": job(created_at=5, answers={"a": [None]}),
    "a prompt of a space and a letter": job(prompt="\u3000a\n"),
    "the longest prompt, spaces around it": job(prompt=f" {'a' * 32_000}\n"),
    "tabs and line breaks": job(prompt="a\tb\r\nc"),
    "the longest session": job(sessionId="a.B:9_-" + "a" * 121),
    "the most variants": job(variants=100),
    "a whole number with a point": job(variants=2.0, seed=7.0),
    "nothing, as null": job(
        variants=None, kind=None, startImageUrl=None, maskImageUrl=None, parentProgressionId=None, size=None,
        seed=None, seeds=None, models=None, maxCostUsd=None, allowDuplicates=None, options=None,
    ),
    "an empty address": job(startImageUrl="", maskImageUrl=" "),
    "the smallest size": job(size="64x64"),
    "the largest size, spaces around it": job(size=" 2048x2048 "),
    "the largest seed": job(seed=2**32 - 1),
    "seeds": job(variants=2, seeds={"mock": [1, 2]}),
    "one seed": job(seeds={"mock": [1]}),
    "no seeds beside a seed": job(seed=1, seeds={}),
    "a model": job(models={"mock": "mock-painter-1"}),
    "the least cap": job(maxCostUsd=0.000001),
    "the largest cap": job(maxCostUsd=999_999),
    "options of the provider": job(options={"mock": {"latency_s": 0.5, "fault_variants": [0, 2]}}),
    "options of another": job(options={"openai": {"quality": ["x"]}}),
    "a start image": job(startImageUrl=URL),
    "a start image at a port": job(startImageUrl="HTTP://images.example.com:8080/a?b=ü#c"),
    "a path of this server": job(startImageUrl=IMAGE),
    "an edit": edit(),
    "a parent": job(kind="variation", parentProgressionId=PROJECT),
    "a parent without a kind": job(parentProgressionId=PROJECT),
    "a mask": job(kind="inpaint", startImageUrl=URL, maskImageUrl=URL),
    "a mask for a parent": job(kind="inpaint", parentProgressionId=PROJECT, maskImageUrl=URL),
}  # fmt: skip
JOBS_REFUSED = {
    "no prompt": {"providers": ["mock"], "sessionId": "s-1"},
    "a number for a prompt": job(prompt=5),
    "an empty prompt": job(prompt=""),
    "a prompt of spaces": job(prompt=" \u00a0\u3000\n"),
    "a prompt that is too long": job(prompt="a" * 32_001),
    "a control character": job(prompt="a\x0bb"),
    "a C1 control character": job(prompt="a\x85b"),
    "no providers": job(providers=[]),
    "a provider twice": job(providers=["mock", "mock"]),
    "an unknown provider": job(providers=["nosuch"]),
    "a provider without credentials": job(providers=["openai"]),
    "a provider in spaces": job(providers=[" mock"]),
    "no session": job(sessionId=""),
    "a session that is too long": job(sessionId="a" * 129),
    "a session with a space": job(sessionId="a b"),
    "no variants": job(variants=0),
    "too many variants": job(variants=101),
    "half a variant": job(variants=1.5),
    "variants as text": job(variants="2"),
    "variants as a boolean": job(variants=True),
    "an unknown kind": job(kind="draw"),
    "an edit of nothing": job(kind="edit"),
    "a start image for generate": job(kind="generate", startImageUrl=URL),
    "inpaint without a mask": job(kind="inpaint", startImageUrl=URL),
    "a mask for an edit": edit(maskImageUrl=URL),
    "a mask alone": job(maskImageUrl=URL),
    "another scheme": job(startImageUrl="ftp://images.example.com/a.png"),
    "an address with a password": job(startImageUrl="https://a:b@images.example.com/a.png"),
    "a port that serves no images": job(startImageUrl="https://images.example.com:25/a.png"),
    "a host without a dot": job(startImageUrl="http://redis/a.png"),
    "a space in an address": job(startImageUrl="https://images.example.com/a b.png"),
    "an id without dashes": job(parentProgressionId="0" * 32),
    "an id as a URN": job(parentProgressionId="urn:uuid:01890000-0000-7000-8000-000000000000"),
    "a size of words": job(size="large"),
    "a size that is too small": job(size="63x64"),
    "a size that is too large": job(size="64x2049"),
    "a seed below 0": job(seed=-1),
    "a seed that is too large": job(seed=2**32),
    "seed and seeds": job(seed=1, seeds={"mock": [1]}),
    "too few seeds": job(variants=3, seeds={"mock": [1, 2]}),
    "seeds for an unused provider": job(seeds={"openai": [1]}),
    "an unknown model": job(models={"mock": "painter"}),
    "a model of a provider that is not asked": job(models={"openai": "gpt-image-1"}),
    "a cap of 0": job(maxCostUsd=0),
    "a cap that is too large": job(maxCostUsd=1_000_000),
    "a cap as text": job(maxCostUsd="1"),
    "a word for a boolean": job(allowDuplicates="true"),
    "options that are none": job(options=[]),
    "options of an unknown provider": job(options={"nosuch": {}}),
    "an unknown option": job(options={"mock": {"speed": 1}}),
    "an option out of range": job(options={"mock": {"latency_s": 3_601}}),
    "a control character deep in options": job(options={"openai": {"a": ["\x01"]}}),
}

ARTIFACTS_TAKEN = {
    "a lookbook": {"generator": "lookbook", "projectIds": [PROJECT]},
    "options": {"generator": "lookbook", "projectIds": [PROJECT], "options": {"most": 3}, "title": "  "},
    "a project twice": {"generator": "lookbook", "projectIds": [PROJECT, PROJECT]},
}
ARTIFACTS_REFUSED = {
    "no generator": {"projectIds": [PROJECT]},
    "an unknown generator": {"generator": "nosuch", "projectIds": [PROJECT]},
    "both": {"generator": "lookbook", "templateR2Key": "a", "projectIds": [PROJECT]},
    "no projects": {"generator": "lookbook", "projectIds": []},
    "an unknown option": {"generator": "lookbook", "projectIds": [PROJECT], "options": {"speed": 1}},
    "an option out of range": {"generator": "lookbook", "projectIds": [PROJECT], "options": {"most": 0}},
    "an option of another generator": {
        "generator": "lookbook", "projectIds": [PROJECT], "options": {"seconds": 1},
    },
    "a title that is too long": {"generator": "lookbook", "projectIds": [PROJECT], "title": "a" * 201},
    "a template without a title": {"templateR2Key": "a", "projectIds": [PROJECT]},
    "a template with options": {
        "templateR2Key": "a", "title": "b", "projectIds": [PROJECT], "options": {"most": 1},
    },
}  # fmt: skip
PROJECTS_TAKEN = {
    "a name": {"name": "a"},
    "the longest name, spaces around it": {"name": f" {'a' * 200} ", "description": ""},
    "the longest description": {"name": "a", "description": "b" * 10_000},
}
PROJECTS_REFUSED = {
    "no name": {"description": "a"},
    "a number": {"name": 5},
    "nothing for a name": {"name": None},
    "a name that is too long": {"name": "a" * 201},
    "a description that is too long": {"name": "a", "description": "b" * 10_001},
    "no object": [],
}
ROUTES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "JobInRequest": ("/api/projects/{project}/jobs", JOBS_TAKEN, JOBS_REFUSED),
    "ArtifactInRequest": ("/api/artifacts", ARTIFACTS_TAKEN, ARTIFACTS_REFUSED),
    "ProjectInRequest": ("/api/projects", PROJECTS_TAKEN, PROJECTS_REFUSED),
}


@pytest.fixture
def rows(db: None) -> dict[str, str]:
    """A project with images, by the names used in the bodies."""
    image = ProgressionFactory()
    return {PROJECT: str(image.project_id), IMAGE: image.generated_image_url, "parent": str(image.pk)}


def filled(value: Any, rows: dict[str, str]) -> Any:
    """The body with the ids of existing rows."""
    if isinstance(value, dict):
        filled_in = {name: filled(inner, rows) for name, inner in value.items()}
        if value.get("parentProgressionId") == PROJECT:
            filled_in["parentProgressionId"] = rows["parent"]
        return filled_in
    if isinstance(value, list):
        return [filled(inner, rows) for inner in value]
    return rows.get(value, value) if isinstance(value, str) else value


def bodies(*, is_taken: bool) -> list[Any]:
    return [
        pytest.param(name, path, body, id=f"{name}: {about}")
        for name, (path, taken, refused) in ROUTES.items()
        for about, body in (taken if is_taken else refused).items()
    ]


@pytest.mark.parametrize(("name", "path", "body"), bodies(is_taken=True))
def test_bodies_that_the_server_accepts_are_documented_as_valid(
    name: str, path: str, body: Any, rows: dict[str, str]
) -> None:
    sent = filled(body, rows)
    answer = keyed().post(path.format(project=rows[PROJECT]), sent)
    assert answer.status_code in (201, 202), answer.json()
    assert is_documented(name, sent)


@pytest.mark.parametrize(("name", "path", "body"), bodies(is_taken=False))
def test_bodies_that_the_server_refuses_are_documented_as_invalid(
    name: str, path: str, body: Any, rows: dict[str, str]
) -> None:
    sent = filled(body, rows)
    answer = keyed().post(path.format(project=rows[PROJECT]), sent)
    assert answer.status_code == 400, answer.json()
    assert not is_documented(name, sent)


@pytest.mark.parametrize(
    ("least", "most"), [(1, 9), (64, 2048), (1024, 65535), (0, 5), (100, 100), (5, 1234)]
)
def test_a_number_pattern_matches_exactly_its_range(least: int, most: int) -> None:
    pattern = whole_number_pattern(least, most)
    found = [number for number in range(70_000) if re.fullmatch(pattern, str(number))]
    assert found == list(range(least, most + 1))


class OnlyGenerates(FakeProvider):
    """A provider of one kind, with small pictures."""

    name = "small"
    kinds = frozenset({Kind.GENERATE})

    def check(self, draft: Draft) -> None:
        """Accepts one size."""
        if draft.size not in (None, (32, 32)):
            raise InputError("size", "is not 32x32")

    def job_rules(self) -> dict[str, Any]:
        """The same rule as in `check`."""
        return {"size": {"enum": ["32x32", None]}}


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({"providers": ["mock", "small"]}, True),
        ({"providers": ["small"], "size": "32x32"}, True),
        ({"providers": ["small"], "size": "64x64"}, False),
        ({"providers": ["mock", "small"], "size": "64x64"}, False),
        ({"providers": ["mock"], "size": "64x64"}, True),
        ({"providers": ["small"], "kind": "edit", "startImageUrl": URL}, False),
        ({"providers": ["mock"], "kind": "edit", "startImageUrl": URL}, True),
        ({"providers": ["mock", "small"], "models": {"small": "fake-1"}}, True),
        ({"providers": ["mock"], "models": {"small": "fake-1"}}, False),
        ({"providers": ["mock"], "seeds": {"small": [1]}}, False),
        ({"providers": ["small", "mock"], "seeds": {"small": [1], "mock": [2]}}, True),
        ({"providers": ["small"], "options": {"mock": {}}}, True),
    ],
)
def test_rules_of_a_provider_apply_only_to_its_requests(
    changes: dict[str, Any], is_taken: bool, rows: dict[str, str]
) -> None:
    with providers.register_temporarily(OnlyGenerates()):
        body = job(**changes)
        answer = keyed().post(f"/api/projects/{rows[PROJECT]}/jobs", body)
        assert answer.status_code == (202 if is_taken else 400), answer.json()
        assert validator.__wrapped__("JobInRequest").is_valid(body) is is_taken
