"""Jobs, images and the stream's log in the admin."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from progressions.enums import JobStatus, StepStatus, VariantStatus
from progressions.models import (
    Charge,
    Cooldown,
    Duty,
    Event,
    HashBands,
    ImageProgression,
    Job,
    Step,
    StreamSession,
    Upload,
    Variant,
)
from tests.factories import JobFactory, ProgressionFactory, VariantFactory

pytestmark = pytest.mark.django_db

JOBS = "/admin/progressions/job/"
IMAGES = "/admin/progressions/imageprogression/"
MODELS = [
    "charge",
    "cooldown",
    "duty",
    "event",
    "imageprogression",
    "job",
    "step",
    "streamsession",
    "upload",
    "variant",
]


def make_rows(count: int) -> None:
    """Rows of every model of the app."""
    for number in range(count):
        job = JobFactory(status=JobStatus.COMPLETE, ended_at=timezone.now())
        image = ProgressionFactory(project=job.project, job=job, ai_notes=["Sharp enough."], ai_tags=["sea"])
        variant = VariantFactory(job=job, status=VariantStatus.COMPLETE, progression=image)
        Step.objects.create(owner_id=variant.pk, name="refine", status=StepStatus.OK, ms=4)
        HashBands.objects.create(variant=variant, structure=1, band_0=1, band_1=2, band_2=3)
        Event.objects.create(session_id=job.session_id, seq=1, type="queued", job_id=job.pk, text='{"seq":1}')
        StreamSession.objects.create(session_id=job.session_id, last_seq=1)
        Cooldown.objects.create(provider=f"p{number}", until=timezone.now())
        Duty.objects.create(name=f"d{number}")
        Charge.objects.create(job=job, project=job.project, purpose="image", model="refine-1", usd="0.04")
        Upload.objects.create(
            key="k",
            delivery="/images/a.webp",
            media_type="image/png",
            width=1,
            height=1,
            bytes=1,
            sha256="a" * 64,
        )


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_list_and_pages(admin_client: Client, model: str) -> None:
    make_rows(1)
    page = admin_client.get(f"/admin/progressions/{model}/")
    row: Model = page.context["cl"].result_list[0]
    assert admin_client.get(f"/admin/progressions/{model}/{row.pk}/change/").status_code == 200
    assert admin_client.get(f"/admin/progressions/{model}/?q=refine").status_code == 200
    assert admin_client.get(f"/admin/progressions/{model}/add/").status_code == 403


@pytest.mark.parametrize(
    ("model", "queries"),
    # session, user, count, page; jobs: also the tally of the page's variants and costs; charges: also the sums
    [(model, {"job": 6, "charge": 5}.get(model, 4)) for model in MODELS],
)
@pytest.mark.parametrize("count", [1, 3])
def test_the_query_count_of_a_list_is_constant(
    admin_client: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
    model: str,
    queries: int,
    count: int,
) -> None:
    make_rows(count)
    with django_assert_num_queries(queries):
        assert admin_client.get(f"/admin/progressions/{model}/").context["cl"].result_count == count


@pytest.mark.parametrize("model", [model for model in MODELS if model != "cooldown"])
def test_generated_rows_are_read_only(admin_client: Client, model: str) -> None:
    make_rows(1)
    row: Any = admin_client.get(f"/admin/progressions/{model}/").context["cl"].result_list[0]
    assert admin_client.post(f"/admin/progressions/{model}/{row.pk}/change/", {}).status_code == 403
    assert (
        admin_client.post(f"/admin/progressions/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    )


def test_a_cooldown_can_be_lifted(admin_client: Client) -> None:
    Cooldown.objects.create(provider="mock", until=timezone.now())
    assert admin_client.post("/admin/progressions/cooldown/mock/delete/", {"post": "yes"}).status_code == 302
    assert not Cooldown.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "status__exact=complete",
        "kind=generate",
        "created_at__gte=2026-01-01T00:00:00Z",
        "o=2",
        "q=lighthouse",
    ],
)
def test_jobs_are_filtered_sorted_and_searched(admin_client: Client, query: str) -> None:
    make_rows(2)
    JobFactory(prompt="something else", kind="edit", created_at=timezone.now() - timedelta(days=900))
    expected = 3 if query == "o=2" else 2
    assert admin_client.get(f"{JOBS}?{query}").context["cl"].result_count == expected


@pytest.mark.parametrize("address", [JOBS, IMAGES])
@pytest.mark.parametrize("query", ["caf\u00e9 dusk", "cafe\u0301 dusk", "Caf\u00e9"])
def test_a_search_finds_letters_in_any_unicode_encoding(
    admin_client: Client, address: str, query: str
) -> None:
    for prompt in ("a Caf\u00e9 at dusk", "a Cafe\u0301 at dusk", "a cafe at dusk"):
        (JobFactory if address == JOBS else ProgressionFactory)(prompt=prompt)
    assert admin_client.get(address, {"q": query}).context["cl"].result_count == 2


def test_a_job_is_found_by_its_session_and_by_its_id(admin_client: Client) -> None:
    job = JobFactory(session_id="s-42")
    JobFactory()
    for query in ("s-42", str(job.pk)):
        assert list(admin_client.get(JOBS, {"q": query}).context["cl"].result_list) == [job]


def test_the_list_of_jobs_counts_the_variants_by_status(admin_client: Client) -> None:
    job = JobFactory()
    for status in (VariantStatus.COMPLETE, VariantStatus.COMPLETE, VariantStatus.FAILED):
        VariantFactory(job=job, status=status)
    assert "<span>2 complete, 1 failed</span>" in admin_client.get(JOBS).content.decode()


def job_with_journal() -> Job:
    """A job of two variants: one made at the second attempt, one failed."""
    job: Job = JobFactory(providers=["mock"], variants_per_provider=2, remaining=0, status=JobStatus.COMPLETE)
    image = ProgressionFactory(project=job.project, job=job, judgment="pass")
    made = VariantFactory(
        job=job, status=VariantStatus.COMPLETE, progression=image, attempts=2, cost_usd="0.04"
    )
    VariantFactory(job=job, status=VariantStatus.FAILED, code="refused", error="The provider said no.")
    start = job.created_at
    for name, attempt, status, after_ms, ms, error in [
        ("refine", 1, StepStatus.OK, 0, 10, ""),
        ("generate", 1, StepStatus.FAILED, 10, 490, "503 from the provider"),
        ("generate", 2, StepStatus.OK, 600, 400, ""),
    ]:
        started = start + timedelta(milliseconds=after_ms)
        Step.objects.create(
            owner_id=made.pk,
            name=name,
            attempt=attempt,
            status=status,
            started_at=started,
            ms=ms,
            error=error,
        )
    return job


def test_the_page_of_a_job_shows_its_variants_with_their_steps_and_timings(admin_client: Client) -> None:
    job = job_with_journal()
    answer = admin_client.get(f"{JOBS}{job.pk}/change/")
    (_, made), (_, failed) = answer.context["variants"]
    assert [
        (bar.step.name, bar.step.attempt, bar.step.status, bar.step.ms, bar.left, bar.width)
        for bar in made.bars
    ] == [
        ("refine", 1, "ok", 10, 0.0, 1.0),
        ("generate", 1, "failed", 490, 1.0, 49.0),
        ("generate", 2, "ok", 400, 60.0, 40.0),
    ]
    assert (made.total_ms, failed.bars) == (1000, ())
    page = answer.content.decode()
    image = ImageProgression.objects.get()
    for shown in (
        '<rect class="bar-failed" x="1.0%" width="49.0%"',
        "503 from the provider",
        "490 ms",
        "2 attempts",
        "$0.04",
        "<strong>refused</strong> The provider said no.",
        f'src="{image.generated_image_url}"',
        f'href="{IMAGES}{image.pk}/change/"',
        f'href="/admin/progressions/event/?job_id__exact={job.pk}"',
        "<span>1 complete, 1 failed</span>",
    ):
        assert shown in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_query_count_of_the_page_of_a_job_is_constant(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    job = JobFactory()
    first = VariantFactory(job=job, status=VariantStatus.COMPLETE, progression=ProgressionFactory(job=job))
    for _ in range(count - 1):
        VariantFactory(job=job, status=VariantStatus.SKIPPED, duplicate_of=first, distance=3)
    admin_client.get(f"{JOBS}{job.pk}/change/")
    with django_assert_num_queries(
        9
    ):  # session, user, job, count and page of variants, steps, tally, costs, project
        admin_client.get(f"{JOBS}{job.pk}/change/")


def test_the_variants_of_a_large_job_are_paged(admin_client: Client) -> None:
    job = JobFactory()
    Variant.objects.bulk_create(
        Variant(job=job, project=job.project, provider="mock", index=n, number=n, kind="generate", seed=n)
        for n in range(30)
    )
    first = admin_client.get(f"{JOBS}{job.pk}/change/")
    second = admin_client.get(f"{JOBS}{job.pk}/change/?variants=2")
    assert [len(page.context["variants"]) for page in (first, second)] == [24, 6]


def test_a_job_is_cancelled_on_its_page(admin_client: Client) -> None:
    job = JobFactory()
    VariantFactory(job=job)
    assert "Cancel job" in admin_client.get(f"{JOBS}{job.pk}/change/").content.decode()
    answer = admin_client.post(f"{JOBS}{job.pk}/cancel/", follow=True)
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    page = answer.content.decode()
    assert "Cancelled 1 job." in page
    assert "Cancel job" not in page


def test_only_unfinished_jobs_are_cancelled_in_the_list(admin_client: Client) -> None:
    running, ended = JobFactory(), JobFactory(status=JobStatus.COMPLETE)
    VariantFactory(job=running)
    form = {"action": "cancel", "_selected_action": [str(running.pk), str(ended.pk)]}
    assert "Cancelled 1 job." in admin_client.post(JOBS, form, follow=True).content.decode()
    again = admin_client.post(JOBS, form, follow=True).content.decode()
    assert "None of these jobs can be cancelled: they have ended." in again
    assert list(Job.objects.order_by("id").values_list("status", flat=True)) == ["cancelled", "complete"]


def test_staff_with_view_permission_cannot_cancel_or_judge_again(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(viewer.user_permissions.model.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    job = JobFactory()
    VariantFactory(job=job)
    assert "Cancel job" not in client.get(f"{JOBS}{job.pk}/change/").content.decode()
    client.post(f"{JOBS}{job.pk}/cancel/")
    client.post(JOBS, {"action": "cancel", "_selected_action": [str(job.pk)]})
    image = ProgressionFactory(job=job)
    client.post(IMAGES, {"action": "judge_again", "_selected_action": [str(image.pk)]})
    job.refresh_from_db()
    image.refresh_from_db()
    assert (job.status, job.cancel_requested_at, image.judge_due_at) == (JobStatus.QUEUED, None, None)


def test_cancelling_needs_a_post(admin_client: Client) -> None:
    job = JobFactory()
    assert admin_client.get(f"{JOBS}{job.pk}/cancel/").status_code == 405


def test_images_are_judged_again(admin_client: Client) -> None:
    judged = ProgressionFactory(job=JobFactory(), judgment="fail", judge_attempts=6)
    rollback = ProgressionFactory(kind="rollback")
    form = {"action": "judge_again", "_selected_action": [str(judged.pk), str(rollback.pk)]}
    assert "1 image will be judged again" in admin_client.post(IMAGES, form, follow=True).content.decode()
    judged.refresh_from_db()
    rollback.refresh_from_db()
    assert judged.judge_due_at is not None
    assert (judged.judge_attempts, judged.judgment, rollback.judge_due_at) == (0, "fail", None)


def test_images_are_small_in_the_list_and_large_on_their_page(admin_client: Client) -> None:
    image = ProgressionFactory(start_image_delivery_url="/images/start.webp", ai_notes=["<b>sharp</b>"])
    thumbnail = f'<a class="picture picture-small" href="{image.generated_image_url}"'
    assert thumbnail in admin_client.get(IMAGES).content.decode()
    page = admin_client.get(f"{IMAGES}{image.pk}/change/").content.decode()
    assert f'<a class="picture picture-large" href="{image.generated_image_url}"' in page
    assert '<a class="picture picture-large" href="/images/start.webp"' in page
    assert "<li>&lt;b&gt;sharp&lt;/b&gt;</li>" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [("judgment=pass", 1), ("judgment=none", 1), ("ai_provider=mock", 2), ("kind=edit", 1), ("q=STRASSE", 1)],
)
def test_images_are_filtered_and_searched(admin_client: Client, query: str, expected: int) -> None:
    ProgressionFactory(judgment="pass", prompt="eine Straße")
    ProgressionFactory(kind="edit")
    assert admin_client.get(f"{IMAGES}?{query}").context["cl"].result_count == expected


def test_the_events_of_a_job_are_listed_by_its_id(admin_client: Client) -> None:
    job_id = uuid4()
    Event.objects.create(
        session_id="s", seq=1, type="queued", job_id=job_id, text='{"seq":1,"type":"queued"}'
    )
    Event.objects.create(session_id="s", seq=2, type="fail", text='{"seq":2,"type":"fail"}')
    found = admin_client.get(f"/admin/progressions/event/?job_id__exact={job_id}").context["cl"].result_list
    assert [event.seq for event in found] == [1]
    page = admin_client.get(f"/admin/progressions/event/{found[0].pk}/change/").content.decode()
    assert "&quot;type&quot;: &quot;queued&quot;" in page


def test_no_list_counts_a_large_table(admin_client: Client) -> None:
    own = ("projects", "progressions", "artifacts", "knowledgebase")
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label in own:
            assert not model_admin.show_full_result_count, model
            assert model_admin.show_facets is admin.ShowFacets.NEVER, model
            assert model_admin.paginator.__name__ == "CappedPaginator", model


def test_every_model_of_dali_is_in_the_admin() -> None:
    from django.apps import apps

    own = ("projects", "progressions", "artifacts", "knowledgebase")
    models = {model for label in own for model in apps.get_app_config(label).get_models()}
    assert models - set(admin.site._registry) == set()
