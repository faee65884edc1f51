"""The `deliver` step: the delivery image is uploaded, later if the delivery is unavailable."""

import time

from django.utils import timezone

from dali.lib.clock import ms_since
from progressions.delivery import public_url
from progressions.errors import DeliveryError
from progressions.pipeline import tools
from progressions.pipeline.run import Run
from progressions.work import leases
from progressions.work.steps import StepRecord, Success

# 5, 5, 8, 16 ... 300 s, then every 300 s: the image is made and paid for, and its original is stored.
LONGEST_PAUSE_S = 300.0
KEPT = "The image is made and its original kept."
PUT_OFF = "The image is made but cannot be delivered at the moment; Dali will try again."


def deliver(run: Run) -> None:
    """Uploads the delivery image. The step is written together with `insert`.

    Raises EndedError if the upload was postponed, or if it can never succeed: then the variant fails with what is to
    be done, and the original stays.
    """
    if run.journal.result_of("insert") is not None:
        return
    run.end_if_cancelled()
    leases.hold(run.lease, leases.STEP_LIMIT_S)
    started_at, started = timezone.now(), time.perf_counter()
    try:
        run.address = tools.retry(lambda: tools.place_delivery(run.derived))
    except DeliveryError as error:
        if error.code is not None:
            run.journal.record_failure("deliver", error, started_at=started_at, ms=ms_since(started))
            run.fail(error.code, f"{KEPT} {error.public_message}", is_retryable=False)
        run.wait_for("deliver", error, since=started_at, reason=PUT_OFF, longest_s=LONGEST_PAUSE_S)
    body = run.done_body(generatedImageUrl=public_url(run.address))
    kept = StepRecord({"address": run.address}, tell=lambda: [body])
    run.journal.hold(Success("deliver", kept, started_at, ms_since(started)))
