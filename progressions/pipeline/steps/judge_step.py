"""The `judge` step: the judge's verdict is written and the variant ends, in one transaction."""

import time

import structlog
from django.conf import settings
from django.utils import timezone

from dali.lib.clock import ms_since
from progressions.enums import VariantStatus
from progressions.errors import JudgeError
from progressions.judge import Verdict
from progressions.pipeline import tools, writes
from progressions.pipeline.late_judging import give_up_for_now
from progressions.pipeline.run import Run
from progressions.stream import events
from progressions.stream.event_types import VariantCompleteEvent
from progressions.work import leases
from progressions.work.steps import StepRecord, Success

log = structlog.get_logger(__name__)


def judge(run: Run) -> None:
    """Judges the image and ends the variant. If the judge fails, the variant ends too and is judged later."""
    started_at, started = timezone.now(), time.perf_counter()
    leases.hold(run.lease, settings.JUDGE_TIMEOUT_S + leases.STEP_LIMIT_S)
    try:
        verdict = tools.ask_judge(run.job, run.variant.kind, run.derived.picture)
    except JudgeError as error:
        run.journal.record_failure("judge", error, started_at=started_at, ms=ms_since(started))
        note = f"Not judged yet: {error} It will be judged again later."
        verdict = Verdict(None, [note], usage=error.usage, unseen=error.unseen)
        with leases.fenced(run.lease):
            _end_complete(run, verdict, is_judged_again=True)
        return
    said = verdict.judgment.value if verdict.judgment else None

    def tell() -> list[events.Body]:
        _end_complete(run, verdict, is_judged_again=False)
        return []  # `_end_complete` has appended the events, the job's end included

    kept = StepRecord({"judgment": said, "judge": verdict.judge, "model": verdict.model}, tell=tell)
    run.journal.record(Success("judge", kept, started_at, ms_since(started)))
    log.info("variant_complete", judgment=said)


def _end_complete(run: Run, verdict: Verdict, *, is_judged_again: bool) -> None:
    writes.write_verdict(run.progression, verdict)
    if is_judged_again:
        give_up_for_now(run.progression)
    names = events.of_variant(run.variant)
    judged = writes.judge_body({**names}, run.progression, verdict)
    body: VariantCompleteEvent = {
        "type": "complete",
        **names,
        "scope": "variant",
        "progressionId": str(run.progression.id),
        "generatedImageUrl": judged["generatedImageUrl"],
        "judgment": judged["judgment"],
    }
    ending = writes.Ending(VariantStatus.COMPLETE, fields={"progress": run.step.progress})
    writes.end_variant(run.variant, ending, judged, body)
