"""Rows of the ledger: one for every call to a service that was paid, or may have been."""

from django.db import models
from django.utils import timezone

from progressions.enums import Purpose


class Charge(models.Model):
    """One call to a service that is not known to be free.

    Written once, never changed. It outlives the job and the project it was made for: the money stays spent.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "projects.Project", on_delete=models.SET_NULL, null=True, related_name="charges", db_index=False
    )
    job = models.ForeignKey(
        "Job", on_delete=models.SET_NULL, null=True, related_name="charges", db_index=False
    )
    variant_id = models.UUIDField(null=True, blank=True, help_text="What the call was for; may be gone.")
    progression_id = models.UUIDField(null=True, blank=True)
    purpose = models.CharField(max_length=8, choices=Purpose)
    service = models.CharField(max_length=40, blank=True, default="")
    model = models.CharField(max_length=120, blank=True, default="")
    usage = models.JSONField(default=dict, blank=True, help_text="Units as the service reports them.")
    usd = models.DecimalField(
        max_digits=14, decimal_places=8, null=True, blank=True, help_text="Null where no price is known."
    )
    is_possible = models.BooleanField(
        default=False, help_text="Sent, and the answer never seen: possibly billed; `usd` is an estimate."
    )
    attempt = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "charges"
        ordering = ["-id"]
        # Each holds all that its sum needs, so that the rows themselves are not read.
        indexes = [
            models.Index(fields=["job", "purpose", "is_possible", "usd"], name="charges_job"),
            models.Index(fields=["project", "purpose", "is_possible", "usd"], name="charges_project"),
            models.Index(fields=["created_at", "purpose", "is_possible", "usd"], name="charges_day"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.service} {self.model}"
