"""Replay scripts: read whole and refused by line or field before anything is done."""

import copy
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from artifacts.reading.script import ObjectRef, Ref, read_script
from dali.lib.objects.storage import originals
from progressions.models import Job
from projects.models import ApiKey, Project

PROJECT = "019a0000-0000-7000-8000-000000000000"
JOBS, KEEP, ROLLBACK = (
    "POST /api/projects/{projectId}/jobs",
    "POST /api/variants/{variantId}/keep",
    "POST /api/progressions/{progressionId}/rollback",
)
SCRIPT: dict[str, Any] = {
    "format": "dali.replay",
    "version": 1,
    "projects": [{"id": PROJECT, "name": "Harbour", "description": ""}],
    "calls": [
        {
            "call": 1,
            "route": JOBS,
            "project": PROJECT,
            "body": {
                "prompt": "a pier",
                "providers": ["mock"],
                "sessionId": "replay",
                "variants": 2,
                "seed": 7,
            },
            "references": {},
            "results": [
                {
                    "provider": "mock",
                    "variantIndex": 0,
                    "status": "complete",
                    "code": None,
                    "sha256": "a" * 64,
                },
                {
                    "provider": "mock",
                    "variantIndex": 1,
                    "status": "failed",
                    "code": "refused",
                    "sha256": None,
                },
            ],
        },
        {
            "call": 2,
            "route": JOBS,
            "project": PROJECT,
            "body": {"prompt": "at night", "providers": ["mock"], "sessionId": "replay", "kind": "inpaint"},
            "references": {
                "parentProgressionId": {"call": 1, "provider": "mock", "variantIndex": 0},
                "maskImageUrl": {"object": "project/p/mask", "sha256": "b" * 64},
            },
            "results": [],
        },
        {
            "call": 3,
            "route": KEEP,
            "project": PROJECT,
            "references": {"variantId": {"call": 1, "provider": "mock", "variantIndex": 1}},
        },
        {"call": 4, "route": ROLLBACK, "project": PROJECT, "references": {"progressionId": {"call": 3}}},
    ],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """The script with another value at a path, as `calls.0.body.seed`."""
    record: Any = copy.deepcopy(SCRIPT)
    *outer, last = path.split(".")
    inner = record
    for name in outer:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    inner[last] = value
    return dict(record)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[object], Path]:
    """A function that writes a record to a file."""

    def write(record: object) -> Path:
        path = tmp_path / "replay.json"
        path.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")
        return path

    return write


def test_a_script_is_read_whole(file: Callable[[object], Path]) -> None:
    path = file(SCRIPT)
    script = read_script(path)
    assert script.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(call.needs, dict(call.images)) for call in script.calls] == [
        (None, {}),
        (
            Ref(1, "mock", 0),
            {"maskImageUrl": ObjectRef("project/p/mask", "b" * 64, "calls[1].references.maskImageUrl")},
        ),
        (Ref(1, "mock", 1), {}),
        (Ref(3), {}),
    ]
    assert [(one.status, one.code, one.has_image) for one in script.calls[0].expected.values()] == [
        ("complete", "", True),
        ("failed", "refused", False),
    ]


PARENT = "calls.1.references.parentProgressionId"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{", "replay.json is not valid JSON: a name in double quotes is missing at line 1, column 2"),
        ({"format": "dali.archive"}, "replay.json is not a dali.replay record"),
        (changed("version", 2), "version is 2: it must be 1, the version this Dali reads"),
        (changed("calls", []), "calls is empty"),
        (changed("calls", [5]), "calls[0] is 5: it must be an object"),
        (changed("projects.0.id", "x"), 'projects[0].id is "x": it must be an id'),
        (changed("projects.0.name", ""), 'projects[0].name is "": it must be text'),
        (changed("calls.1.call", 3), "calls[1].call is 3: it must be 2"),
        (changed("calls.0.route", "DELETE /api/projects"), 'calls[0].route is "DELETE /api/projects"'),
        (changed("calls.0.project", PROJECT[:-1] + "1"), "it must be the id of one of the record's projects"),
        (changed("calls.0.body", None), "calls[0].body is null: it must be an object"),
        (changed("calls.0.body.prompt", " "), "calls[0].body.prompt: is empty"),
        (changed("calls.0.body.seed", -1), "calls[0].body.seed: "),
        (changed("calls.0.body.variants", 10**9), "calls[0].body.variants: 1000000000 is out of range"),
        (changed("calls.1.body.providers", ["nope"]), 'calls[1].body.providers: "nope" is not known here; known: '),
        (changed("calls.0.body.seeds", {"mock": ["x"]}), "calls[0].body.seeds.mock.0: "),
        (changed("calls.0.results.0.variantIndex", 2), "calls[0].results[0].variantIndex is 2: it must be a whole "),
        (changed("calls.0.results.0.variantIndex", 1), 'calls[0].results[1] lists "mock" 1 a second time'),
        (changed("calls.0.results.0.provider", "x"), 'calls[0].results[0].provider is "x": it must be one of'),
        (changed("calls.0.results.0.sha256", "x"), 'calls[0].results[0].sha256 is "x": it must be 64'),
        (changed(f"{PARENT}.call", 2), "calls[1].references.parentProgressionId.call is 2: it must be a whole number"),
        (changed(f"{PARENT}.provider", "openai"), 'parentProgressionId.provider is "openai": it must be one of the'),
        (changed(f"{PARENT}.variantIndex", 2), "parentProgressionId.variantIndex is 2: it must be a whole number"),
        (changed("calls.0.references.parentProgressionId", {"call": 1}), "call is 1: it must be the number of an ear"),
        (changed("calls.1.references.maskImageUrl.object", "../x"), "maskImageUrl.object: '../x' is no storage key"),
        (changed("calls.1.references.url", {}), "calls[1].references.url is not a reference that this route takes"),
        (changed("calls.2.references", {}), "calls[2].references.variantId is missing: it must be the result"),
        (changed("calls.2.references.variantId", {"call": 4}), "variantId.call is 4: it must be a whole number"),
        (changed("calls.3.sha256", 5), "calls[3].sha256 is 5: it must be 64 hexadecimal digits"),
    ],
)  # fmt: skip
def test_a_script_that_cannot_be_meant_is_refused_by_field(
    file: Callable[[object], Path], record: object, said: str
) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("replay", file(record))
    assert caught.value.returncode == 2
    assert said in str(caught.value)


@pytest.mark.django_db
def test_an_object_that_is_gone_or_altered_is_named_before_anything_is_done(
    file: Callable[[object], Path], tmp_path: Path
) -> None:
    with pytest.raises(
        CommandError, match=r"calls\[1\]\.references\.maskImageUrl: the object project/p/mask is missing"
    ):
        call_command("replay", file(SCRIPT))
    originals().put_once("project/p/mask", b"x", media_type="image/png")
    try:
        with pytest.raises(CommandError, match="the object project/p/mask has changed"):
            call_command("replay", file(SCRIPT))
    finally:
        originals().delete("project/p/mask")
    assert (Project.objects.count(), Job.objects.count(), ApiKey.objects.count()) == (0, 0, 0)


def test_a_dry_run_says_what_would_be_asked_with_objects_of_a_folder(
    file: Callable[[object], Path], tmp_path: Path
) -> None:
    (tmp_path / "objects" / "project" / "p").mkdir(parents=True)
    (tmp_path / "objects" / "project" / "p" / "mask").write_bytes(b"mask")
    record = changed("calls.1.references.maskImageUrl.sha256", hashlib.sha256(b"mask").hexdigest())
    out = io.StringIO()
    call_command("replay", file(record), "--dry-run", "--objects", str(tmp_path / "objects"), stdout=out)
    assert out.getvalue() == (
        "Calls: 4. Images to ask for: 3 of mock. Start images and masks to upload: 1.\nNothing was asked.\n"
    )
