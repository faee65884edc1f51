"""The `insert` step: the image becomes a row of the project."""

from typing import Any

from django.utils import timezone

from dali.lib.db.sql import update_where
from progressions.delivery import public_url
from progressions.models import ImageProgression, Variant
from progressions.pipeline import writes
from progressions.pipeline.run import Run
from progressions.stream import events
from progressions.work.steps import StepRecord, Success


def insert(run: Run) -> None:
    """Writes the image's row and links the variant to it, in one transaction with the `deliver` step."""
    kept = run.journal.result_of("insert")
    if kept is not None:
        run.progression = ImageProgression.objects.get(id=kept["progressionId"])
        return
    answer = run.journal.result_of("generate") or {}
    result: dict[str, Any] = {}

    def write() -> None:
        run.progression = writes.insert_progression(
            run.variant, run.derived, run.address, answer, is_judged_later=False
        )
        update_where(Variant, {"progression": run.progression.id}, {"id": run.variant.id})
        result["progressionId"] = str(run.progression.id)

    def tell() -> list[events.Body]:
        url = public_url(run.progression.generated_image_url)
        return [run.done_body(generatedImageUrl=url, progressionId=str(run.progression.id))]

    record = StepRecord(result, {"progress": run.step.progress}, write, tell)
    run.journal.record(Success("insert", record, timezone.now(), 0))
