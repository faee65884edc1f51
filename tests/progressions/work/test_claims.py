"""Claims are fair, exclusive and bounded by leases."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from progressions.models import Cooldown, Job, Variant
from progressions.pipeline.intake.submit import JobDraft, submit_job
from progressions.work import claims, leases
from projects.models import Project
from tests.progressions.fakes import FakeProvider

Submit = Callable[..., Job]


@pytest.fixture(autouse=True)
def _nothing_is_held(db: None) -> Iterator[None]:
    yield
    leases.release_all()
    leases.take_over()


def claimed() -> Variant:
    lease = claims.claim_next()
    assert lease is not None
    return Variant.objects.get(id=lease.id)


def test_a_job_of_one_after_a_job_of_many_is_next(submit: Submit) -> None:
    many = submit(variants=50)
    assert [claimed().job_id for _ in range(3)] == [many.id] * 3
    others = submit(variants=20)
    one = submit(variants=1)
    assert [claimed().job_id for _ in range(4)] == [others.id, one.id, many.id, others.id]


def test_variants_of_a_job_are_taken_in_order(submit: Submit) -> None:
    submit(variants=4)
    assert [claimed().number for _ in range(4)] == [0, 1, 2, 3]
    assert claims.claim_next() is None


def test_a_waiting_variant_is_not_claimed(submit: Submit) -> None:
    submit()
    Variant.objects.update(not_before=timezone.now() + timedelta(seconds=30))
    assert claims.claim_next() is None


def test_variants_of_a_provider_in_cooldown_are_not_claimed(submit: Submit) -> None:
    submit()
    Cooldown.objects.create(provider="fake", until=timezone.now() + timedelta(seconds=30))
    assert claims.claim_next() is None
    Cooldown.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert claims.claim_next() is not None


def test_an_expired_lease_frees_its_variant(submit: Submit) -> None:
    submit()
    first = claimed()
    assert claims.claim_next() is None
    Variant.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claimed().lease_token == first.lease_token + 1


def test_variants_wait_for_their_jobs_images(submit: Submit) -> None:
    job = submit()
    Job.objects.filter(id=job.id).update(ingest="waiting")
    lease = claims.claim_next()
    assert lease is not None
    assert (lease.model, lease.id) == (Job, job.id)
    assert claims.claim_next() is None


@pytest.mark.django_db(transaction=True)
def test_many_threads_claim_each_variant_once(fake_provider: FakeProvider) -> None:
    project = Project.objects.create(name="Crowd")
    draft = JobDraft(prompt="x", providers=("fake",), session_id="crowd", variants=40)
    submit_job(project=project, draft=draft)
    taken: list[object] = []

    def take() -> None:
        try:
            while (lease := claims.claim_next()) is not None:
                taken.append(lease.id)
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(set(taken))) == (40, 40)
