"""The `deliver` step: the delivery image placed, or put off while whoever delivers it is away."""

import time
from datetime import timedelta
from typing import NoReturn

from django.utils import timezone

from dali.lib import database
from progressions import claims, events, tools, wakeups
from progressions.enums import Code
from progressions.errors import DeliveryError
from progressions.run import EndedError, Run, ms_since

# 5, 5, 8, 16 ... 300 s between them, 13 min in all: the image is made and paid, and its original kept.
ATTEMPTS = 10
LONGEST_PAUSE_S = 300.0
PUT_OFF = "The image is made and cannot be delivered at the moment; it is tried again."
GIVEN_UP = "The image was made and could not be delivered; the log has the reason."


def place(run: Run, derived: tools.Derived) -> str:
    """Places the delivery image; returns its address. Raises EndedError where it was put off or given up."""
    claims.extend(run.lease, claims.STEP_LIMIT_S)
    started_at, started = timezone.now(), time.perf_counter()
    try:
        return tools.persistently(lambda: tools.place_delivery(derived))
    except DeliveryError as error:
        run.journal.record_failure("deliver", error, started_at=started_at, ms=ms_since(started))
        failures = run.journal.failures("deliver", type(error).__name__)
        if failures >= ATTEMPTS:
            run.fail(Code.INTERNAL, GIVEN_UP, is_retryable=True)
        _put_off(run, max(float(error.retry_after_s), 2.0**failures))


def _put_off(run: Run, pause_s: float) -> NoReturn:
    """Gives the row back until the pause is over."""
    pause_s = min(pause_s, LONGEST_PAUSE_S)
    again = database.now() + timedelta(seconds=pause_s)
    body = run.progress_body("deliver", run.variant.progress)
    body["retryInMs"], body["error"] = int(pause_s * 1000), PUT_OFF
    with claims.fenced(run.lease, lease_until=None, not_before=again, nudged_at=None):
        events.append(run.job.session_id, [body])
    wakeups.wake_after(pause_s)
    raise EndedError
