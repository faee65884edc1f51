"""Jobs of the three real plug-ins against the fake servers of their services, through the real SDKs."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from dali.lib.objects.storage import originals
from dali.lib.pictures.images import decode
from knowledgebase.models import Price
from knowledgebase.services import seed
from progressions.enums import Kind
from progressions.models import Charge, Cooldown, Job, Step, Variant
from progressions.pipeline import tools
from progressions.pipeline.intake.submit import JobDraft, submit_job
from progressions.provider import providers
from progressions.work import slots
from projects.models import Project
from tests.factories import JobFactory, VariantFactory
from tests.progressions.conftest import told, work_all
from tests.progressions.pictures import landscape, mask_of, png
from tests.progressions.pipeline.test_resume import Killed, die, restart
from tests.vendors.configured import Vendors
from tests.vendors.gemini_server import error as gemini_error
from tests.vendors.gemini_server import quota_failure, retry_info
from tests.vendors.server import Answer, Fault, VendorServer

ALL = ("openai", "gemini", "workers")
DOWN = Answer.of_json({"error": {"message": "The server is overloaded.", "type": "server_error"}}, 503)


@pytest.fixture
def priced(db: None) -> None:
    """The price table from the fixture."""
    seed(Price)


@pytest.fixture(autouse=True)
def _judge_here(settings: Settings) -> None:
    settings.JUDGE = "local"


def submit(project: Project, asked: Sequence[str] = ALL, **fields: Any) -> Job:
    draft: dict[str, Any] = {
        "prompt": "a lighthouse at dusk",
        "session_id": "s-1",
        "size": "1024x1024",
        "seed": 7,
    }
    return submit_job(project=project, draft=JobDraft(providers=tuple(asked), **{**draft, **fields}))


def work_to_the_end(job: Job, rounds: int = 12) -> None:
    """Works through all attempts without waiting between them."""
    for _ in range(rounds):
        Cooldown.objects.all().delete()
        job.variants.update(not_before=timezone.now() - timedelta(seconds=1))
        work_all()
        job.refresh_from_db()
        if job.status == "complete":
            return
    pytest.fail("the job did not end")


def events_of(provider: str) -> list[tuple[Any, ...]]:
    """The events of a provider's only variant, by their distinguishing fields."""
    return [
        (event["type"], event.get("step"), event.get("attempt"), "retryInMs" in event)
        for event in told()
        if event.get("provider") == provider
    ]


def steps_of(variant: Variant) -> list[tuple[str, int, str]]:
    rows = Step.objects.filter(owner_id=variant.id).order_by("id")
    return [(step.name, step.attempt, step.status) for step in rows]


def test_one_is_down_one_refuses_and_one_works(project: Project, vendors: Vendors, priced: None) -> None:
    vendors.openai.faults = [Fault(answer=DOWN)] * 50
    vendors.gemini.faults = [Fault(answer=gemini_refusal())]
    job = submit(project)
    work_to_the_end(job)
    variants = {variant.provider: variant for variant in job.variants.all()}
    ends = {name: (row.status, row.code, row.retryable, row.attempts) for name, row in variants.items()}
    assert ends == {
        "openai": ("failed", "provider_error", True, 4),
        "gemini": ("failed", "refused", False, 1),
        "workers": ("complete", "", False, 1),
    }
    again = [
        ("progress", "generate", number, is_repeated)
        for number in range(1, 4)
        for is_repeated in (False, True)
    ]
    started = [
        ("queued", None, None, False),
        ("running", None, None, False),
        ("progress", "refine", None, False),
    ]
    assert events_of("openai") == [
        *started,
        *again,
        ("progress", "generate", 4, False),
        ("fail", None, None, False),
    ]
    assert events_of("gemini") == [
        *started,
        ("progress", "generate", 1, False),
        ("fail", None, None, False),
    ]
    assert events_of("workers") == [
        *started,
        ("progress", "generate", 1, False),
        *[("progress", step, None, False) for step in ("generate", "dedupe", "deliver", "insert")],
        ("judge", None, None, False),
        ("complete", None, None, False),
    ]
    assert [event["seq"] for event in told()] == list(range(1, len(told()) + 1))
    tried = [("generate", attempt, "failed") for attempt in range(1, 5)]
    assert steps_of(variants["openai"]) == [("refine", 1, "ok"), *tried]
    assert steps_of(variants["gemini"]) == [("refine", 1, "ok"), ("generate", 1, "failed")]
    names = ("refine", "generate", "dedupe", "deliver", "insert", "judge")
    assert steps_of(variants["workers"]) == [(name, 1, "ok") for name in names]
    assert [len(server.received) for server in (vendors.openai, vendors.gemini, vendors.cloudflare)] == [
        4,
        1,
        1,
    ]
    assert project.progressions.count() == 1
    check_cost(job, variants)


def check_cost(job: Job, variants: dict[str, Variant]) -> None:
    """Checks each known cost: once in the ledger, the variants, the image and the last event."""
    charged = {
        (charge.service, charge.attempt): charge.usd
        for charge in Charge.objects.filter(job=job, is_possible=False).order_by("id")
    }
    known = sum((usd for usd in charged.values() if usd), Decimal(0))
    assert charged["workers", 1] == variants["workers"].cost_usd
    assert variants["openai"].cost_usd is None
    workers = variants["workers"]
    assert workers.progression is not None
    assert workers.progression.cost_usd == workers.cost_usd
    last = told()[-1]
    assert (last["type"], last["scope"], last["costUsd"]) == ("complete", "job", pytest.approx(float(known)))
    assert last["summary"] == {
        "queued": 0, "running": 0, "complete": 1, "failed": 2, "skipped": 0, "cancelled": 0,
    }  # fmt: skip


def gemini_refusal() -> Answer:
    body = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
        "modelVersion": "gemini-3.1-flash-image",
        "responseId": "resp-0123",
    }
    return Answer.of_json(body)


# --- rate limits


def openai_limit(seconds: str) -> Fault:
    error = {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}
    return Fault(answer=Answer.of_json({"error": error}, 429, Retry_After=seconds))


def gemini_limit(delay: str) -> Fault:
    details = [quota_failure("GenerateRequestsPerMinutePerProjectPerModel"), retry_info(delay)]
    return Fault(answer=gemini_error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", details))


def workers_limit(seconds: str) -> Fault:
    body = {
        "success": False,
        "errors": [{"code": 3040, "message": "Capacity temporarily exceeded"}],
        "result": None,
    }
    return Fault(answer=Answer.of_json(body, 429, Retry_After=seconds))


@pytest.mark.parametrize(
    ("name", "server", "fault"),
    [
        ("openai", "openai", openai_limit("17")),
        ("gemini", "gemini", gemini_limit("17s")),
        ("workers", "cloudflare", workers_limit("17")),
    ],
)
def test_a_requested_pause_applies_to_all_variants_and_holds_no_slot(
    name: str, server: str, fault: Fault, project: Project, vendors: Vendors
) -> None:
    asked: VendorServer = getattr(vendors, server)
    asked.faults = [fault]
    job = submit(project, [name], variants=3)
    work_all()
    assert len(asked.received) == 1, "the other variants were called in vain"
    first = job.variants.get(index=0)
    assert (first.status, first.lease_until, slots.under_way(name)) == ("running", None, 0)
    now = timezone.now()
    assert 10 < (first.not_before - now).total_seconds() < 17.5
    assert 10 < (Cooldown.objects.get(provider=name).until - now).total_seconds() < 17.5
    waiting = next(event for event in told() if "retryInMs" in event)
    assert 16_900 <= waiting["retryInMs"] <= 17_300
    work_to_the_end(job)
    assert [variant.status for variant in job.variants.all()] == ["complete"] * 3
    assert [variant.attempts for variant in job.variants.order_by("index")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("name", "server", "fault"),
    [
        ("openai", "openai", openai_limit("151")),
        ("gemini", "gemini", gemini_limit("3600s")),
        ("workers", "cloudflare", workers_limit("151")),
    ],
)
def test_a_pause_beyond_150_s_is_not_waited_for(
    name: str, server: str, fault: Fault, project: Project, vendors: Vendors
) -> None:
    getattr(vendors, server).faults = [fault]
    job = submit(project, [name])
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.attempts) == ("failed", "rate_limited", 1)


# --- every service behind the same API


def shape(value: Any) -> Any:
    """The names and types of a JSON value; lists by their first element."""
    if isinstance(value, dict):
        return {
            name: shape(part) for name, part in sorted(value.items()) if name not in ("provider_meta", "tips")
        }
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return type(value).__name__


def test_the_job_api_is_the_same_for_every_provider(
    project: Project, vendors: Vendors, priced: None, client: Client
) -> None:
    jobs = {name: submit(project, [name], session_id=f"s-{name}", allow_duplicates=True) for name in ALL}
    for job in jobs.values():
        work_to_the_end(job)
    answers = {name: client.get(f"/api/jobs/{job.id}").json() for name, job in jobs.items()}
    assert [variant["status"] for answer in answers.values() for variant in answer["variants"]] == [
        "complete"
    ] * 3
    shapes = [shape(answer) for answer in answers.values()]
    for found in shapes:
        found["variants"][0].pop("seed", None)
    assert shapes[0] == shapes[1] == shapes[2]
    events = [[(event["type"], event.get("step")) for event in told(f"s-{name}")] for name in ALL]
    assert events[0] == events[1] == events[2]
    rows = client.get(f"/api/projects/{project.id}/progressions").json()
    assert sorted(row["ai_provider"] for row in rows) == sorted(ALL)
    assert all(row["cost_usd"] > 0 for row in rows)


def test_partial_previews_of_openai_are_published_on_request(
    project: Project, vendors: Vendors, settings: Settings
) -> None:
    vendors.openai.latency_s = 0
    job = submit(project, ["openai"], options={"openai": {"partial_images": 2}})
    work_to_the_end(job)
    progress = [event["progress"] for event in told() if event["type"] == "progress"]
    assert progress == sorted(progress)
    previews = [event for event in told() if "previewUrl" in event]
    assert 1 <= len(previews) <= 2
    assert all(event["step"] == "generate" and 0.1 < event["progress"] < 0.6 for event in previews)
    job = submit(project, ["openai"], session_id="s-2", allow_duplicates=True)
    work_to_the_end(job)
    assert not [event for event in told("s-2") if "previewUrl" in event]


@pytest.mark.parametrize(
    ("name", "server"), [("openai", "openai"), ("gemini", "gemini"), ("workers", "cloudflare")]
)
def test_an_inpainted_answer_found_after_a_crash_is_finished_and_not_requested_again(
    name: str, server: str, project: Project, vendors: Vendors, priced: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, box = landscape((256, 192)), (64, 48, 192, 144)
    originals().put_once(f"start-{name}", png(start), media_type="image/png")
    originals().put_once(f"mask-{name}", mask_of(start.size, box), media_type="image/png")
    job = JobFactory(
        project=project, kind="inpaint", ingest="done", start_image_key=f"start-{name}", mask_key=f"mask-{name}",
        session_id="s-1",
    )  # fmt: skip
    model = providers.get(name).default_model_for(Kind.INPAINT)
    variant = VariantFactory(job=job, provider=name, kind="inpaint", model=model)
    monkeypatch.setattr(tools, "finish_answer" if tools.is_finished_here(variant) else "derive", die)
    with pytest.raises(Killed):
        work_all()
    asked = len(getattr(vendors, server).received)
    restart(monkeypatch)
    work_all()
    variant.refresh_from_db()
    assert (variant.status, variant.attempts, variant.possibly_billed) == ("complete", 1, 0)
    assert len(getattr(vendors, server).received) == asked
    assert variant.cost_usd is not None
    assert float(Charge.objects.get(job=job).usd or 0) == pytest.approx(float(variant.cost_usd), abs=1e-6)
    kept = np.asarray(decode(originals().read(variant.original_key)).image.convert("RGB"))
    is_changed = (kept != np.asarray(start.convert("RGB"))).any(axis=2)
    assert is_changed[box[1] : box[3] + 1, box[0] : box[2] + 1].any()
    is_changed[box[1] : box[3] + 1, box[0] : box[2] + 1] = False
    assert not is_changed.any()


def test_a_hanging_service_is_given_up_at_the_deadline_and_possibly_billed(
    project: Project, vendors: Vendors, settings: Settings, priced: None
) -> None:
    settings.PROVIDER_TIMEOUT_S, settings.MAX_ATTEMPTS = 3, 1
    for server in (vendors.openai, vendors.gemini, vendors.cloudflare):
        server.faults = [Fault(way="hang")]
    job = submit(project)
    work_all()
    ends = {(row.status, row.code, row.possibly_billed, row.cost_usd) for row in job.variants.all()}
    assert ends == {("failed", "timeout", 1, None)}
    possible = Charge.objects.filter(job=job)
    assert {charge.service for charge in possible} == set(ALL)
    assert all(charge.is_possible and charge.usd for charge in possible)
