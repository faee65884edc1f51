"""`/api/jobs/...`, a project's jobs, `/api/variants/{id}/keep`: reading, cancelling, retrying, keeping."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from progressions.enums import Code
from progressions.errors import ProviderError
from progressions.models import Event, ImageProgression, Job, Step, Variant
from tests.clients import anonymous, keyed
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory, VariantFactory
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider, picture_bytes

pytestmark = pytest.mark.django_db
UNKNOWN = "01890000-0000-7000-8000-000000000000"


def test_a_job_is_shown_with_its_variants_and_their_steps() -> None:
    job = JobFactory(session_id="s-7", status="running", retry_of=JobFactory())
    image = ProgressionFactory(project=job.project, job=job)
    made = VariantFactory(
        job=job, status="complete", progression=image, refined_prompt="a lighthouse, soft light",
        tips=[{"key": "mock.light", "addition": "soft light"}], seed=5, cost_usd="0.25",
    )  # fmt: skip
    skipped = VariantFactory(job=job, status="skipped", seed=6, duplicate_of=made, distance=3, cost_usd="0.5")
    failed = VariantFactory(
        job=job, status="failed", seed=7, code="refused", error="The provider said no.", retryable=False
    )
    Step.objects.create(owner_id=job.id, name="ingest", status="ok", ms=9)
    Step.objects.create(owner_id=made.id, name="generate", status="failed", ms=70)
    Step.objects.create(owner_id=made.id, name="generate", attempt=2, status="ok", ms=80)
    answer = anonymous().get(f"/api/jobs/{job.id}")
    assert answer.status_code == 200
    unset = (
        "code", "error", "progressionId", "duplicateOf", "duplicateOfProgressionId", "distance",
        "refinedPrompt", "costUsd",
    )  # fmt: skip
    blank: dict[str, Any] = {
        **dict.fromkeys(unset), "retryable": False, "tips": [], "steps": [], "possiblyBilled": 0,
    }  # fmt: skip
    assert answer.json() == {
        "jobId": str(job.id),
        "sessionId": "s-7",
        "projectId": str(job.project_id),
        "status": "running",
        "prompt": "a lighthouse at dusk",
        "kind": "generate",
        "created_at": int(job.created_at.timestamp() * 1000),
        "costUsd": 0.75,
        "costs": {
            "imagesUsd": 0.75, "judgingUsd": 0.0, "refiningUsd": 0.0, "unknownCalls": 0,
            "possiblyBilledCalls": 0, "possiblyBilledUsd": 0.0,
        },
        "retryOf": str(job.retry_of_id),
        "summary": {"queued": 0, "running": 0, "complete": 1, "failed": 1, "skipped": 1, "cancelled": 0},
        "variants": [
            blank | {
                "id": str(made.id), "provider": "mock", "variantIndex": 0, "status": "complete", "seed": 5,
                "progressionId": str(image.id), "refinedPrompt": "a lighthouse, soft light", "costUsd": 0.25,
                "tips": [{"key": "mock.light", "addition": "soft light"}],
                "steps": [
                    {"name": "generate", "attempt": 1, "status": "failed", "ms": 70},
                    {"name": "generate", "attempt": 2, "status": "ok", "ms": 80},
                ],
            },
            blank | {
                "id": str(skipped.id), "provider": "mock", "variantIndex": 1, "status": "skipped", "seed": 6,
                "duplicateOf": str(made.id), "duplicateOfProgressionId": str(image.id), "distance": 3,
                "costUsd": 0.5,
            },
            blank | {
                "id": str(failed.id), "provider": "mock", "variantIndex": 2, "status": "failed", "seed": 7,
                "code": "refused", "error": "The provider said no.",
            },
        ],
        "steps": [{"name": "ingest", "attempt": 1, "status": "ok", "ms": 9}],
    }  # fmt: skip


def test_a_variant_is_shown_as_in_its_job(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    job = JobFactory(status="complete")
    image = ProgressionFactory(project=job.project, job=job)
    made = VariantFactory(job=job, status="complete", progression=image)
    skipped = VariantFactory(job=job, status="skipped", duplicate_of=made, distance=3)
    lonely = VariantFactory(job=job, status="skipped", duplicate_of=VariantFactory(job=job), distance=4)
    Step.objects.create(owner_id=skipped.id, name="generate", status="ok", ms=80)
    in_job = {row["id"]: row for row in anonymous().get(f"/api/jobs/{job.id}").json()["variants"]}
    for variant in (made, skipped, lonely):
        with django_assert_num_queries(2):
            answer = anonymous().get(f"/api/variants/{variant.id}")
        assert answer.status_code == 200
        assert answer.json() == {**in_job[str(variant.id)], "jobId": str(job.id)}
    shown = anonymous().get(f"/api/variants/{skipped.id}").json()
    assert (shown["duplicateOf"], shown["duplicateOfProgressionId"]) == (str(made.id), str(image.id))
    assert shown["steps"] == [{"name": "generate", "attempt": 1, "status": "ok", "ms": 80}]
    assert anonymous().get(f"/api/variants/{shown['duplicateOf']}").json()["progressionId"] == str(image.id)
    assert anonymous().get(f"/api/variants/{lonely.id}").json()["duplicateOfProgressionId"] is None


def test_an_unknown_cost_is_null() -> None:
    job = JobFactory()
    VariantFactory(job=job)
    assert anonymous().get(f"/api/jobs/{job.id}").json()["costUsd"] is None


@pytest.mark.parametrize("count", [1, 3])
def test_a_job_takes_four_queries_with_any_number_of_variants(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = JobFactory()
    for variant in VariantFactory.create_batch(count, job=job):
        Step.objects.create(owner_id=variant.id, name="refine", status="ok", ms=1)
    with django_assert_num_queries(4):
        assert len(anonymous().get(f"/api/jobs/{job.id}").json()["variants"]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_a_projects_jobs_are_listed_newest_first_without_steps_in_four_queries(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    project = ProjectFactory()
    jobs = JobFactory.create_batch(count, project=project)
    for job in jobs:
        VariantFactory.create_batch(2, job=job)
    VariantFactory()
    with django_assert_num_queries(4):
        rows = anonymous().get(f"/api/projects/{project.id}/jobs").json()
    assert [row["jobId"] for row in rows] == [str(job.id) for job in reversed(jobs)]
    assert [len(row["variants"]) for row in rows] == [2] * count
    assert ["steps" in row or "steps" in row["variants"][0] for row in rows] == [False] * count


def test_jobs_are_paged() -> None:
    project = ProjectFactory()
    JobFactory.create_batch(3, project=project)
    first = anonymous().get(f"/api/projects/{project.id}/jobs?limit=2")
    link = first.headers["Link"]
    second = anonymous().get(link[len("<http://testserver") : link.index(">")])
    assert (len(first.json()), len(second.json())) == (2, 1)


@pytest.mark.parametrize("job_id", [UNKNOWN, "7", "nope"])
def test_unknown_jobs_are_404(job_id: str) -> None:
    client = keyed()
    for answer in (
        client.get(f"/api/jobs/{job_id}"),
        client.get(f"/api/jobs/{job_id}/events"),
        client.post(f"/api/jobs/{job_id}/cancel"),
        client.post(f"/api/jobs/{job_id}/retry"),
        client.get(f"/api/variants/{job_id}"),
        client.post(f"/api/variants/{job_id}/keep"),
        client.get(f"/api/projects/{job_id}/jobs"),
    ):
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["code"] == "not_found"


def test_stored_events_are_returned_as_they_were_sent(submit: Callable[..., Job]) -> None:
    job = submit(variants=2)
    submit(session_id="s-other")
    work_all()
    events = told("s-1")
    answer = anonymous().get(f"/api/jobs/{job.id}/events")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == events
    assert anonymous().get(f"/api/jobs/{job.id}/events?after=3").json() == events[3:]
    assert anonymous().get(f"/api/jobs/{job.id}/events?after=9999").json() == []
    page = anonymous().get(f"/api/jobs/{job.id}/events?after=1&limit=2")
    assert page.json() == events[1:3]
    assert page.headers["Link"] == f'<http://testserver/api/jobs/{job.id}/events?limit=2&after=3>; rel="next"'


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=1.5", "limit=0", "limit=10001"])
def test_bad_event_numbers_are_refused(query: str) -> None:
    answer = anonymous().get(f"/api/jobs/{JobFactory().id}/events?{query}")
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


def test_a_cancelled_job_never_starts_and_cancelling_again_changes_nothing(
    submit: Callable[..., Job], fake_provider: FakeProvider
) -> None:
    job = submit(variants=3)
    client = keyed()
    first = client.post(f"/api/jobs/{job.id}/cancel")
    assert first.status_code == 200
    assert first.json()["status"] == "cancelled"
    assert first.json()["summary"] == {
        "queued": 0,
        "running": 0,
        "complete": 0,
        "failed": 0,
        "skipped": 0,
        "cancelled": 3,
    }
    written = Event.objects.count()
    assert client.post(f"/api/jobs/{job.id}/cancel").json() == first.json()
    work_all()
    assert (Event.objects.count(), fake_provider.requests) == (written, [])


def test_failed_variants_are_retried_as_a_new_job(
    submit: Callable[..., Job], fake_provider: FakeProvider
) -> None:
    fake_provider.script = [ProviderError(Code.REFUSED, "no")]
    job = submit(variants=2)
    work_all()
    answer = keyed().post(f"/api/jobs/{job.id}/retry")
    assert answer.status_code == 202
    made = Job.objects.get(id=answer.json()["jobId"])
    assert (made.retry_of_id, made.session_id, made.variants.count()) == (job.id, "s-1", 1)
    assert answer.headers["Location"] == f"http://testserver/api/jobs/{made.id}"
    other = keyed().post(f"/api/jobs/{job.id}/retry", {"sessionId": "s-2"})
    assert Job.objects.get(id=other.json()["jobId"]).session_id == "s-2"
    assert keyed().post(f"/api/jobs/{job.id}/retry", {"sessionId": "a b"}).status_code == 400


def test_a_job_without_failures_cannot_be_retried(submit: Callable[..., Job]) -> None:
    job = submit()
    work_all()
    answer = keyed().post(f"/api/jobs/{job.id}/retry")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "conflict")
    assert Job.objects.count() == 1


def test_a_skipped_variant_is_kept_once(submit: Callable[..., Job], fake_provider: FakeProvider) -> None:
    same = picture_bytes(1)
    fake_provider.script = [same, same]
    job = submit(variants=2)
    work_all()
    skipped: Any = Variant.objects.get(job=job, status="skipped")
    first = keyed().post(f"/api/variants/{skipped.id}/keep")
    assert first.status_code == 201
    assert first.json()["id"] == str(ImageProgression.objects.order_by("-id").values_list("id", flat=True)[0])
    again = keyed().post(f"/api/variants/{skipped.id}/keep")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    kept = Variant.objects.get(job=job, status="complete")
    assert keyed().post(f"/api/variants/{kept.id}/keep").status_code == 409
