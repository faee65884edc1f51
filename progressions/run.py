"""One run of a variant under one lease: what its steps share, how it tells of them and how it ends."""

import time
from typing import NoReturn

import structlog

from progressions import claims, due, events, services
from progressions.delivery import public_url
from progressions.enums import Code, VariantStatus
from progressions.models import ImageProgression, Job, Variant
from progressions.receipts import charge_possible
from progressions.steps import Journal, Kept

log = structlog.get_logger(__name__)

INTERNAL_ERROR = "Something went wrong inside Dali; the log has the details."


class EndedError(Exception):
    """The variant has ended, or waits for its next attempt: nothing more is to be done now."""


class Run:
    """A claimed variant, its job and its journal."""

    def __init__(self, lease: claims.Lease, variant: Variant) -> None:
        self.lease = lease
        self.variant = variant
        self.job: Job = variant.job
        self.journal = Journal(lease, self.job.session_id)

    def end_if_cancelled(self) -> None:
        """Ends the variant here where its job was cancelled meanwhile; raises EndedError."""
        if self.job.cancel_requested_at is None and not due.is_cancelled(self.job.id):
            return
        if self.journal.result_of("insert") is not None:
            return  # the image is there: it ends as complete
        if self.journal.unanswered("generate"):
            self.give_up_unanswered()
        error = "The job was cancelled."
        body = services.fail_body(self.variant, Code.CANCELLED, error, is_retryable=True)
        self.end(services.Ending(VariantStatus.CANCELLED, Code.CANCELLED, error, is_retryable=True), body)

    def give_up_unanswered(self) -> None:
        """Writes down a call whose answer nobody saw: possibly billed, and one attempt."""
        attempt = self.journal.unanswered_attempt("generate")
        self.variant.possibly_billed += 1
        fields = {"possibly_billed": self.variant.possibly_billed}
        kept = Kept({"possiblyBilled": True}, fields, also=lambda: charge_possible(self.variant, attempt))
        self.journal.give_up_unanswered("generate", kept)

    def fail(self, code: Code, error: str, *, is_retryable: bool) -> NoReturn:
        """Ends the variant without an image; raises EndedError."""
        body = services.fail_body(self.variant, code.value, error, is_retryable=is_retryable)
        self.end(services.Ending(VariantStatus.FAILED, code.value, error, is_retryable), body)

    def end(self, ending: services.Ending, body: events.Body) -> NoReturn:
        """Ends the variant in a transaction of its own; raises EndedError."""
        with claims.fenced(self.lease):
            services.end_variant(self.variant, ending, [body])
        log.info("variant_ended", status=ending.status.value, code=ending.code)
        raise EndedError

    def progress_body(self, step: str, progress: float) -> events.Body:
        """A `progress` event; `progress` never falls below what was said before."""
        self.variant.progress = max(progress, self.variant.progress)
        body = events.of_variant(self.variant, "progress")
        body["step"], body["progress"] = step, self.variant.progress
        return body

    def image_body(self, step: str, progress: float, row: ImageProgression) -> events.Body:
        """A `progress` event of a variant whose image can be seen already."""
        body = self.progress_body(step, progress)
        body["generatedImageUrl"] = public_url(row.generated_image_url)
        if step == "insert":
            body["progressionId"] = str(row.id)
        return body


def ms_since(started: float) -> int:
    """Whole milliseconds since a reading of `time.perf_counter`."""
    return int((time.perf_counter() - started) * 1000)
