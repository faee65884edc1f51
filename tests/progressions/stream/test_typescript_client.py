"""A TypeScript client that is generated from the OpenAPI document reads the fields of every event."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from progressions.stream.event_types import GAPS, STORED, Body, Envelope, GapEvent, VariantNames
from tests.dali.test_openapi import document

NODE = Path(__file__).parents[2] / "node"
ENVELOPE: Envelope = {"seq": 7, "ts": 1, "sessionId": "s-1"}
NAMES: VariantNames = {
    "jobId": "j",
    "projectId": "p",
    "variantId": "v",
    "provider": "mock",
    "variantIndex": 2,
}
URL = "https://example.com/1.webp"
EVENTS: list[tuple[Body, str]] = [
    ({"type": "queued", **NAMES}, "7 mock 2"),
    (
        {
            "type": "running",
            **NAMES,
            "refinedPrompt": "a pier, ",
            "tips": [{"key": "k", "addition": "at dusk"}],
        },
        "a pier, at dusk",
    ),
    ({"type": "running", "artifactId": "a"}, "a"),
    ({"type": "progress", **NAMES, "step": "generate", "progress": 0.5, "attempt": 3}, "generate 0.5 3"),  # type: ignore[typeddict-item]  # optional fields left out
    ({"type": "progress", "artifactId": "a", "progress": 0.25}, "0.25"),
    (
        {
            "type": "judge",
            "projectId": "p",
            "progressionId": "i",
            "generatedImageUrl": URL,
            "judgment": None,
            "notes": ["dark"],
            "tags": [],
            "late": True,
        },
        "undecided dark true",
    ),
    (
        {"type": "fail", **NAMES, "error": "refused", "code": "policy", "retryable": False},
        "refused false policy",
    ),
    ({"type": "fail", "artifactId": "a", "error": "no page", "retryable": True}, "no page true artifact"),
    (
        {
            "type": "complete",
            **NAMES,
            "scope": "variant",
            "progressionId": "i",
            "generatedImageUrl": URL,
            "judgment": "pass",
        },
        URL,
    ),
    (
        {
            "type": "complete",
            **NAMES,
            "scope": "variant",
            "skipped": True,
            "duplicateOf": "w",
            "distance": 4,
        },
        "w 4",
    ),
    (
        {
            "type": "complete",
            "scope": "job",
            "jobId": "j",
            "projectId": "p",
            "summary": {
                "queued": 0,
                "running": 0,
                "complete": 3,
                "failed": 1,
                "skipped": 0,
                "cancelled": 0,
            },
            "costUsd": 0.5,
        },
        "3 0.50",
    ),
    ({"type": "complete", "artifactId": "a"}, "a"),
]
GAP_EVENTS: list[tuple[GapEvent, str]] = [
    ({"type": "gap", "newest": 9}, "newest 9"),
    ({"type": "gap", "oldest": 4}, "oldest 4"),
]
RUN = """
import { line } from "./read_events.js";
import { readFileSync } from "node:fs";
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(line)));
"""


@pytest.fixture
def node() -> str:
    """Node.js with the test packages installed."""
    found = shutil.which("node")
    if found is None or not (NODE / "node_modules" / "openapi-typescript").is_dir():
        reason = "needs Node.js and `npm ci` in tests/node"
        if os.environ.get("DALI_REQUIRE_NODE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def test_a_generated_client_reads_the_fields_of_every_event(node: str, tmp_path: Path) -> None:
    def run(*command: str, given: str = "") -> str:
        done = subprocess.run(
            [node, *command], cwd=tmp_path, input=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    packages = NODE / "node_modules"
    (tmp_path / "openapi.json").write_text(json.dumps(document()))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(RUN)
    shutil.copy(NODE / "read_events.ts", tmp_path)
    run(str(packages / "openapi-typescript" / "bin" / "cli.js"), "openapi.json", "-o", "api.d.ts")
    # TypeScript has no name for a type that is only defined by itself (AnyJson): the file of types is not checked.
    options = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"]
    run(str(packages / "typescript" / "bin" / "tsc"), *options, "read_events.ts")
    events = [{**ENVELOPE, **event} for event, _ in EVENTS] + [dict(event) for event, _ in GAP_EVENTS]
    lines = json.loads(run("run.js", given=json.dumps(events)))
    assert lines == [line for _, line in EVENTS] + [line for _, line in GAP_EVENTS]


def test_the_client_reads_every_form() -> None:
    forms = [event["type"] for event, _ in EVENTS] + [event["type"] for event, _ in GAP_EVENTS]
    assert {type_: forms.count(type_) for type_ in forms} == {
        type_: len(known) for type_, known in (STORED | GAPS).items()
    }
