"""The `dedupe` step: the image is compared with earlier ones, and its hash is reserved."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from progressions.enums import VariantStatus
from progressions.pipeline import duplicates, writes
from progressions.pipeline.run import Run
from progressions.stream import events
from progressions.stream.event_types import VariantSkippedEvent
from progressions.work.steps import StepRecord, Success
from projects.models import Project


def dedupe(run: Run) -> None:
    """Reserves the image's hash, or ends the variant as a near-duplicate (EndedError)."""
    kept = run.journal.result_of("dedupe")
    if kept is None:
        run.end_if_cancelled()
        kept = _compare(run)
    if (earlier := kept.get("duplicateOf")) is not None:
        _skip(run, earlier, int(kept["distance"]))


def _compare(run: Run) -> dict[str, Any]:
    """Compares and reserves under the project's lock, so that one of several similar siblings stays."""
    phash = run.derived.phash
    result: dict[str, Any] = {"phash": phash}

    def reserve() -> None:
        if connection.features.has_select_for_update:  # SQLite has one writer anyway
            Project.objects.select_for_update(no_key=True).get(id=run.job.project_id)
        if not run.job.allow_duplicates:
            match = duplicates.find_nearest(
                variant=run.variant, phash=phash, max_distance=settings.DUPLICATE_DISTANCE
            )
            if match is not None:
                result["duplicateOf"], result["distance"] = str(match.variant_id), match.distance
                return
        duplicates.reserve(variant=run.variant, phash=phash)

    def tell() -> list[events.Body]:
        return [] if "duplicateOf" in result else [run.done_body()]

    started_at = timezone.now() - timedelta(milliseconds=run.derive_ms)
    kept = StepRecord(result, {"progress": run.step.progress}, reserve, tell)
    run.journal.record(Success("dedupe", kept, started_at, run.derive_ms))
    return result


def _skip(run: Run, duplicate_of: str, distance: int) -> None:
    """Ends the variant as skipped. Its bytes stay, so that `keep_variant` can bring the image back."""
    body: VariantSkippedEvent = {
        "type": "complete",
        **events.of_variant(run.variant),
        "scope": "variant",
        "skipped": True,
        "duplicateOf": duplicate_of,
        "distance": distance,
    }
    fields = {"duplicate_of": UUID(duplicate_of), "distance": distance, "progress": 1.0}
    run.end(writes.Ending(VariantStatus.SKIPPED, fields=fields), body)
