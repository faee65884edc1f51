"""The `deliver` step: the delivery image placed, or put off while whatever delivers it is away."""

import time

from django.utils import timezone

from progressions.errors import DeliveryError
from progressions.pipeline import tools
from progressions.pipeline.run import Run, ms_since
from progressions.work import leases

# 5, 5, 8, 16 ... 300 s, then every 300 s: the image is made and paid, and its original kept.
LONGEST_PAUSE_S = 300.0
KEPT = "The image is made and its original kept."
PUT_OFF = "The image is made and cannot be delivered at the moment; it is tried again."


def place(run: Run, derived: tools.Derived) -> str:
    """Places the delivery image; returns its address.

    Raises EndedError where it was put off, or where trying again cannot help: then the variant fails with what is to be
    done, and the original stays.
    """
    leases.hold(run.lease, leases.STEP_LIMIT_S)
    started_at, started = timezone.now(), time.perf_counter()
    try:
        return tools.retry(lambda: tools.place_delivery(derived))
    except DeliveryError as error:
        if error.code is not None:
            run.journal.record_failure("deliver", error, started_at=started_at, ms=ms_since(started))
            run.fail(error.code, f"{KEPT} {error.public_message}", is_retryable=False)
        run.wait_for("deliver", error, since=started_at, reason=PUT_OFF, longest_s=LONGEST_PAUSE_S)
