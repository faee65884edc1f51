"""One run of a variant under one lease: what its steps share, the events they write, and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, Unpack

import structlog
from django.utils import timezone

from dali.lib.db import connections
from dali.lib.errors import UnavailableError
from progressions.enums import Code, VariantStatus
from progressions.errors import DeliveryError
from progressions.models import ImageProgression, Job, Variant
from progressions.money.receipts import charge_possible
from progressions.pipeline import writes
from progressions.pipeline.tools import Derived
from progressions.stream import events
from progressions.stream.event_types import ProgressDetails, VariantProgressEvent
from progressions.work import claim_sql, leases, wakeups
from progressions.work.steps import Journal, StepRecord

log = structlog.get_logger(__name__)

# The longest pause for a delivery that is busy.
BUSY_PAUSE_S = 300.0
# An unavailable storage is tried again after 5, 5, 8, 16, 32 s, then every minute.
STORAGE_PAUSE_S = 60.0
INTERNAL_ERROR = "Something went wrong inside Dali; the log has the details."


class EndedError(Exception):
    """The variant has ended, or waits for its next attempt: there is nothing more to do now."""


@dataclass(frozen=True, slots=True)
class PipelineStep:
    """A step of a variant. `progress`: how far along the variant is once the step is done, from 0 to 1.

    `do` runs the step; it returns at once if the journal says that the step is done, and raises EndedError if the
    variant ended or was postponed. `title` is for the admin.
    """

    name: str
    progress: float
    do: "Callable[[Run], None]"
    title: str


class Run:
    """A claimed variant with its job and journal, the step that is running, and what earlier steps made."""

    step: PipelineStep
    derived: Derived  # by `generate`, as is the next one
    derive_ms: int
    address: str  # by `deliver`: what Delivery.place returned
    progression: ImageProgression  # by `insert`

    def __init__(self, lease: leases.Lease, variant: Variant) -> None:
        self.lease = lease
        self.variant = variant
        self.job: Job = variant.job
        self.journal = Journal(lease, self.job.session_id)

    def end_if_cancelled(self) -> None:
        """Ends the variant if its job was cancelled in the meantime; then raises EndedError."""
        if self.job.cancel_requested_at is None and not claim_sql.is_cancelled(self.job.id):
            return
        if self.journal.result_of("insert") is not None:
            return  # the image exists: the variant ends as complete
        if self.journal.unanswered("generate"):
            self.give_up_unanswered()
        self.end(writes.CANCELLED)

    def give_up_unanswered(self) -> None:
        """Records a call whose answer was never seen: possibly billed, and one attempt."""
        attempt = self.journal.unanswered_attempt("generate")
        self.variant.possibly_billed += 1
        fields = {"possibly_billed": self.variant.possibly_billed}
        kept = StepRecord(
            {"possiblyBilled": True}, fields, also=lambda: charge_possible(self.variant, attempt)
        )
        self.journal.give_up_unanswered("generate", kept)

    def fail(self, code: Code, error: str, *, is_retryable: bool) -> NoReturn:
        """Ends the variant without an image; raises EndedError."""
        self.end(writes.Ending(VariantStatus.FAILED, code.value, error, is_retryable))

    def end(self, ending: writes.Ending, *bodies: events.Body) -> NoReturn:
        """Ends the variant in a transaction of its own, as `writes.end_variant`; raises EndedError."""
        with leases.fenced(self.lease):
            writes.end_variant(self.variant, ending, *bodies)
        log.info("variant_ended", status=ending.status.value, code=ending.code)
        raise EndedError

    def wait_for(
        self, step: str, error: UnavailableError, *, since: datetime, reason: str, longest_s: float
    ) -> NoReturn:
        """Postpones the variant until what `step` needs may be available again; raises EndedError.

        The pause grows with each failure up to `longest_s`, or is what the error asks for. There is no last attempt,
        because the image is paid for. `since`: when the step began. `reason`: a sentence for the client.
        """
        ms = int((timezone.now() - since).total_seconds() * 1000)
        self.journal.record_failure(step, error, started_at=since, ms=max(0, ms))
        failures = self.journal.failures(step, type(error).__name__)
        pause_s = pause_after_s(error, failures, longest_s)
        pause_ms = int(pause_s * 1000)
        body = self.progress_body(step, self.variant.progress, retryInMs=pause_ms, error=reason)
        again = connections.now() + timedelta(seconds=pause_s)
        with leases.fenced(self.lease, lease_until=None, not_before=again, nudged_at=None):
            events.append(self.job.session_id, [body])
        wakeups.wake_after(pause_s)
        raise EndedError from error

    def progress_body(
        self, step: str, progress: float, **details: Unpack[ProgressDetails]
    ) -> VariantProgressEvent:
        """A `progress` event; `progress` never falls below its last value."""
        self.variant.progress = max(progress, self.variant.progress)
        names = events.of_variant(self.variant)
        return {"type": "progress", **names, "step": step, "progress": self.variant.progress, **details}

    def done_body(self, **details: Unpack[ProgressDetails]) -> VariantProgressEvent:
        """The `progress` event that says that the current step is done."""
        return self.progress_body(self.step.name, self.step.progress, **details)


def pause_after_s(error: Exception, failures: int, longest_s: float) -> float:
    """Seconds until the next try after so many failures: 2, 4, 8 ..., at least what the error asks for, at most
    `longest_s`. For a busy delivery, what it asks for."""
    if isinstance(error, DeliveryError) and error.is_busy:
        return min(float(error.retry_after_s), BUSY_PAUSE_S)
    least_s = float(error.retry_after_s) if isinstance(error, UnavailableError) else 0.0
    return min(max(least_s, 2.0 ** min(failures, 20)), longest_s)
