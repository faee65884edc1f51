"""Costs in the admin: the ledger with its sums, and the costs on the pages of jobs, projects and lists."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from dali.lib.calls.answers.usage import Unit, Usage
from progressions.enums import Purpose
from progressions.models import Charge, Job
from progressions.money import ledger
from tests.factories import JobFactory, VariantFactory

pytestmark = pytest.mark.django_db

CHARGES = "/admin/progressions/charge/"


def charge(job: Job, usd: str | None, purpose: Purpose = Purpose.IMAGE, *, is_possible: bool = False) -> None:
    ledger.charge(
        purpose=purpose,
        project_id=job.project_id,
        job_id=job.id,
        usage=Usage("openai", "painter-1", {Unit.IMAGE_OUTPUT: 1056, Unit.TEXT_INPUT: 20}),
        usd=None if usd is None else Decimal(usd),
        is_possible=is_possible,
    )


def sums(client: Client, query: str = "") -> list[tuple[object, ...]]:
    rows = client.get(f"{CHARGES}?{query}").context["sums"]
    return [(row.service, row.purpose, row.calls, row.usd, row.unknown, row.possible) for row in rows]


def test_the_ledger_is_summed_by_day_service_and_purpose(admin_client: Client) -> None:
    job = JobFactory()
    for usd in ("0.1", "0.2", None):
        charge(job, usd)
    charge(job, "0.05", is_possible=True)
    charge(job, None, Purpose.REFINE)
    charge(job, "0.002", Purpose.JUDGE)
    Charge.objects.filter(purpose="judge").update(created_at=timezone.now() - timedelta(days=2))
    charge(job, "9", Purpose.AGENT)
    Charge.objects.filter(purpose="agent").update(created_at=timezone.now() - timedelta(days=20))
    assert sums(admin_client) == [
        ("openai", "image", 3, "$0.3", 1, 1),
        ("openai", "refine", 1, "not known", 1, 0),
        ("openai", "judge", 1, "$0.002", 0, 0),
    ]
    assert sums(admin_client, "purpose=judge") == [("openai", "judge", 1, "$0.002", 0, 0)]
    assert sums(admin_client, "service=gemini") == []
    page = admin_client.get(CHARGES).content.decode()
    assert "<td>$0.3</td>" in page
    assert "1,056 image output tokens, 20 text input tokens" in page


def test_charges_are_found_by_the_ids_they_belong_to(admin_client: Client) -> None:
    job = JobFactory()
    charge(job, "0.1")
    charge(JobFactory(), "0.2")
    for searched in (job.pk, job.project_id):
        found = admin_client.get(CHARGES, {"q": str(searched)}).context["cl"].result_list
        assert [row.usd for row in found] == [Decimal("0.1")]
    by_link = admin_client.get(f"{CHARGES}?job__id__exact={job.pk}").context["cl"].result_list
    assert [row.job_id for row in by_link] == [job.pk]


def test_a_charge_of_a_deleted_job_is_shown(admin_client: Client) -> None:
    job = JobFactory()
    charge(job, "0.1", is_possible=True)
    job.project.delete()
    row = Charge.objects.get()
    page = admin_client.get(f"{CHARGES}{row.pk}/change/")
    assert page.status_code == 200
    assert "possible" in page.content.decode()


def test_a_jobs_page_and_the_list_show_its_cost_by_purpose(admin_client: Client) -> None:
    job = JobFactory(max_cost_usd="2.5")
    VariantFactory(job=job, cost_usd="0.3")
    charge(job, "0.3")
    charge(job, "0.002", Purpose.JUDGE)
    charge(job, None, Purpose.JUDGE)
    charge(job, "0.04", is_possible=True)
    said = "$0.302, 1 call of unknown price, 1 possibly billed ($0.04)"
    page = admin_client.get(f"/admin/progressions/job/{job.pk}/change/").content.decode()
    assert said in page
    assert "(images $0.3, verdicts $0.002)" in page
    assert "at most $2.5" in page
    assert f'href="{CHARGES}?job__id__exact={job.pk}"' in page
    assert said in admin_client.get("/admin/progressions/job/").content.decode()


def test_a_job_without_calls_has_an_unknown_cost_and_a_free_one_zero(admin_client: Client) -> None:
    waiting, free = JobFactory(), JobFactory()
    VariantFactory(job=waiting)
    VariantFactory(job=free, cost_usd=0)
    pages = [
        admin_client.get(f"/admin/progressions/job/{job.pk}/change/").content.decode()
        for job in (waiting, free)
    ]
    assert "<dt>Cost</dt><dd>not known</dd>" in pages[0]
    assert "<dt>Cost</dt><dd>$0</dd>" in pages[1]
    assert "charge/?job__id__exact" not in pages[0]


def test_a_project_shows_the_cost_of_its_work(admin_client: Client) -> None:
    job = JobFactory()
    address = f"/admin/projects/project/{job.project_id}/change/"
    link = f'<a href="{CHARGES}?project__id__exact={job.project_id}">$0.5</a>'
    assert (
        CHARGES
        not in admin_client.get(address).content.decode().partition("<main")[2].partition("field-cost")[2]
    )
    charge(job, "0.5")
    assert link in admin_client.get(address).content.decode()
    assert link in admin_client.get("/admin/projects/project/").content.decode()
