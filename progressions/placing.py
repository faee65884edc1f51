"""The `deliver` step: the delivery image placed, or put off while whatever delivers it is away."""

from django.utils import timezone

from progressions import claims, tools
from progressions.errors import DeliveryError
from progressions.run import Run

# 5, 5, 8, 16 ... 300 s, then every 300 s: the image is made and paid, and its original kept.
LONGEST_PAUSE_S = 300.0
PUT_OFF = "The image is made and cannot be delivered at the moment; it is tried again."


def place(run: Run, derived: tools.Derived) -> str:
    """Places the delivery image; returns its address. Raises EndedError where it was put off."""
    claims.extend(run.lease, claims.STEP_LIMIT_S)
    started_at = timezone.now()
    try:
        return tools.persistently(lambda: tools.place_delivery(derived))
    except DeliveryError as error:
        run.wait_for("deliver", error, since=started_at, reason=PUT_OFF, longest_s=LONGEST_PAUSE_S)
