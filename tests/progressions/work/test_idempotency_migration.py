"""The migration that gives idempotency keys their own table: keys of jobs stay valid for their seven days."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from progressions.models import IdempotencyKey, Job

BEFORE = [("progressions", "0008_held_answers")]
AFTER = [("progressions", "0011_idempotency_keys")]


def migrate(targets: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.mark.django_db(transaction=True)
def test_keys_of_jobs_are_copied_except_old_ones() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    old = migrate(BEFORE)
    try:
        project = old.get_model("projects", "Project").objects.create(name="Coast")
        jobs = {}
        for key, days in (("young", 6), ("old", 8), (None, 0)):
            jobs[key] = old.get_model("progressions", "Job").objects.create(
                project=project,
                session_id="s-1",
                prompt="a pier",
                kind="generate",
                remaining=1,
                idempotency_key=key,
                idempotency_digest="d",
                created_at=timezone.now() - timedelta(days=days),
            )
        migrate(AFTER)
        [row] = IdempotencyKey.objects.values()
        expected = {
            "scope": f"projects/{project.pk}/jobs", "owner": "", "key": "young", "digest": "d",
            "made_id": jobs["young"].pk, "status": 202, "created_at": jobs["young"].created_at,
        }  # fmt: skip
        assert row == {"id": row["id"], **expected}
    finally:
        migrate(newest)
    assert Job.objects.count() == 3
