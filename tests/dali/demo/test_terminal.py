"""A job on a terminal: what is printed, and whether it succeeded."""

import io
from typing import Any

from rich.console import Console

from dali.demo.terminal import JobScreen


def shown(*events: dict[str, Any]) -> tuple[JobScreen, str]:
    """The screen after these events of one variant of job J, and its report."""
    output = io.StringIO()
    screen = JobScreen("J", Console(file=output, width=80))
    about = {"jobId": "J", "variantId": "V", "provider": "mock", "variantIndex": 0}
    screen.follow([{**about, **event} for event in events])
    output.truncate(0)
    output.seek(0)
    screen.report()
    return screen, output.getvalue()


ENDED = {"type": "complete", "scope": "variant"}


def test_a_finished_variant_shows_verdict_url_and_notes() -> None:
    screen, text = shown(
        {"type": "queued"},
        {"type": "running"},
        {"type": "progress", "progress": 0.5, "step": "generate", "generatedImageUrl": "http://x/1.webp"},
        {
            "type": "judge",
            "judgment": "fail",
            "notes": ["Too dark."],
            "tags": [],
            "retrySuggestion": "Add light.",
        },
        ENDED,
    )
    assert text == "mock 0  fail  http://x/1.webp\n    Too dark.\n    To try: Add light.\n"
    assert screen.is_all_complete


def test_a_long_url_stays_on_one_line() -> None:
    address = "http://127.0.0.1:8000/images/" + "a" * 100
    _, text = shown({"type": "queued"}, {**ENDED, "generatedImageUrl": address})
    assert text == f"mock 0  not judged  {address}\n"


def test_a_failed_variant_shows_code_and_error() -> None:
    screen, text = shown({"type": "queued"}, {"type": "fail", "code": "refused", "error": "It said no."})
    assert text == "mock 0  failed\n    refused: It said no.\n"
    assert not screen.is_all_complete


def test_a_skipped_variant_names_its_duplicate_and_how_to_keep_it() -> None:
    screen, text = shown({"type": "queued"}, {**ENDED, "skipped": True, "duplicateOf": "W", "distance": 3})
    assert text == (
        "mock 0  skipped\n    near-duplicate of W, distance 3;\n    POST /api/variants/V/keep keeps it anyway\n"
    )
    assert not screen.is_all_complete


def test_a_retry_is_shown_and_markup_in_an_error_is_only_text() -> None:
    screen, text = shown(
        {"type": "queued"},
        {"type": "progress", "progress": 0.1, "attempt": 1, "retryInMs": 2000, "error": "[red]busy"},
        {"type": "fail", "code": "rate_limited", "error": "[/] [bold]busy"},
    )
    assert text == "mock 0  failed\n    rate_limited: [/] [bold]busy\n"
    assert screen.lines["V"].state == "failed"


def test_events_of_other_jobs_are_ignored_and_the_end_of_the_job_ends_it() -> None:
    screen, _ = shown(
        {"type": "queued", "jobId": "K", "variantId": "U"},
        {"type": "queued"},
        {"type": "complete", "scope": "job"},
        {"type": "fail", "code": "internal", "error": "after the end"},
    )
    assert list(screen.lines) == ["V"]
    assert screen.lines["V"].state == "queued"
    assert not screen.is_all_complete


def test_without_a_terminal_each_event_is_one_plain_line() -> None:
    output = io.StringIO()
    screen = JobScreen("J", Console(file=output, width=20))
    about = {"jobId": "J", "variantId": "V", "provider": "mock", "variantIndex": 0}
    events: list[dict[str, Any]] = [
        {"type": "queued"},
        {"type": "running"},
        {"type": "progress", "progress": 0.1, "step": "generate"},
        {"type": "progress", "progress": 0.1, "retryInMs": 2000, "error": "[red]busy"},
        {"type": "judge", "judgment": "pass", "notes": []},
        ENDED,
    ]
    screen.follow([{**about, **event} for event in events])
    assert output.getvalue().splitlines() == [
        "mock 0    0 %  queued",
        "mock 0    0 %  running",
        "mock 0   10 %  generate",
        "mock 0   10 %  again in 2 s: [red]busy",
        "mock 0   10 %  judged: pass",
        "mock 0  100 %  pass",
    ]
