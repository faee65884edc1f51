"""Locks on PostgreSQL: rows that foreign keys lock are locked before the session's counter."""

import pytest
from django.db import connection, transaction

from progressions.models import Variant
from progressions.stream import events
from tests.factories import JobFactory, VariantFactory


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock")
def test_a_skipped_variant_locks_its_duplicate_before_the_counter() -> None:
    job = JobFactory()
    earlier, later = VariantFactory(job=job, number=0), VariantFactory(job=job, number=1, index=1)
    with transaction.atomic():
        Variant.objects.filter(id=later.id).update(duplicate_of_id=earlier.id)
        events.append(job.session_id, [{"type": "queued", **events.of_variant(later)}])
        # Locked already: otherwise a commit would have to wait for it while holding the counter.
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute(
                    "SELECT id FROM variants WHERE id = %s FOR UPDATE SKIP LOCKED", [str(earlier.id)]
                )
                assert cursor.fetchall() == []
        finally:
            other.close()
