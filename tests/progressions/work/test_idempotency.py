"""Idempotency keys: earlier results are replayed, deleted or expired ones made again, simultaneous ones made once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from dali.lib.errors import ConflictError, IdempotencyError, MissingError
from dali.lib.ids import new_id
from progressions.models import IdempotencyKey, Variant
from progressions.pipeline.intake.submit import JobDraft, submit_job
from progressions.work.idempotency import KeptRequest, Once, digest_of, do_once
from projects.models import Project
from tests.progressions.fakes import FakeProvider

pytestmark = pytest.mark.django_db

ONCE = Once("jobs/1/retry", "prefix", "k", "d")


def make(once: Once = ONCE) -> Callable[[], tuple[UUID, bool]]:
    """Makes something, with its key."""

    def made() -> tuple[UUID, bool]:
        made_id = new_id()
        once.keep(made_id, 202)
        return made_id, False

    return made


def again(kept: KeptRequest) -> tuple[UUID, bool]:
    assert kept.status == 202
    return kept.made_id, True


def test_the_result_of_a_key_is_returned_again() -> None:
    first, is_again = do_once(ONCE, make(), again)
    assert not is_again
    assert do_once(ONCE, make(), again) == (first, True)
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        Once("jobs/2/retry", "prefix", "k", "d"),
        Once("jobs/1/retry", "others", "k", "d"),
        Once("jobs/1/retry", "prefix", "K", "d"),
    ],
)
def test_keys_are_separate_by_route_and_owner(other: Once) -> None:
    do_once(ONCE, make(), again)
    assert not do_once(other, make(other), again)[1]
    assert IdempotencyKey.objects.count() == 2


def test_another_body_is_refused() -> None:
    do_once(ONCE, make(), again)
    with pytest.raises(IdempotencyError, match="another body"):
        do_once(Once("jobs/1/retry", "prefix", "k", "e"), make(), again)


def test_a_key_is_kept_for_seven_days() -> None:
    first, _ = do_once(ONCE, make(), again)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=6, hours=23))
    assert do_once(ONCE, make(), again) == (first, True)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=7, minutes=1))
    later = Once("jobs/1/retry", "prefix", "k", "e")
    assert not do_once(later, make(later), again)[1]
    assert IdempotencyKey.objects.get().digest == "e"


def test_a_deleted_result_is_made_again() -> None:
    do_once(ONCE, make(), again)

    def gone(kept: KeptRequest) -> tuple[UUID, bool]:
        raise MissingError("There is no such job.")

    made, is_again = do_once(ONCE, make(), gone)
    assert (IdempotencyKey.objects.get().made_id, is_again) == (made, False)


def test_a_failure_stores_no_key() -> None:
    def refused() -> tuple[UUID, bool]:
        raise ConflictError("not now")

    with pytest.raises(ConflictError):
        do_once(ONCE, refused, again)
    assert not do_once(ONCE, make(), again)[1]


def test_a_request_that_fails_because_of_its_twin_gets_the_twins_answer() -> None:
    def beaten() -> tuple[UUID, bool]:
        make()()
        raise ConflictError("the budget is used up")

    made, is_again = do_once(ONCE, beaten, again)
    assert (IdempotencyKey.objects.get().made_id, is_again) == (made, True)


def test_without_a_key_each_request_is_done() -> None:
    assert do_once(None, lambda: 1, lambda _: 2) == 1


def test_a_digest_ignores_spaces_and_the_order_of_names() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": "1"})


@pytest.mark.django_db(transaction=True)
def test_two_requests_with_one_key_at_once_make_one_job(fake_provider: FakeProvider) -> None:
    project = Project.objects.create(name="Twice")
    draft = JobDraft("x", ("fake",), "s-1", variants=3)
    start = threading.Barrier(4)
    jobs: list[UUID] = []

    def submit_once() -> None:
        try:
            start.wait()
            made = do_once(
                ONCE,
                lambda: submit_job(project=project, draft=draft, once=ONCE).id,
                lambda kept: kept.made_id,
            )
            jobs.append(made)
        finally:
            connection.close()

    threads = [threading.Thread(target=submit_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(jobs), len(set(jobs)), Variant.objects.count()) == (4, 1, 3)
