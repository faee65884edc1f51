"""The columns of rows that one process at a time works on."""

from django.db import models
from django.utils import timezone


class Leased(models.Model):
    """Work that one process at a time may do (progressions.work.leases).

    A claim writes `lease_until` and raises `lease_token`; every later write carries the token, so that a worker that
    lost its lease can write nothing.
    """

    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class Queued(Leased):
    """Leased work that waits in a queue: `not_before` holds it back without a worker."""

    not_before = models.DateTimeField(default=timezone.now)
    nudged_at = models.DateTimeField(
        null=True, blank=True, help_text="When a message about this row was last sent."
    )

    class Meta:
        abstract = True
