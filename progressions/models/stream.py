"""Rows of the stream and of upkeep: sessions and their events, cooldowns, duties."""

from django.db import models
from django.utils import timezone


class StreamSession(models.Model):
    """The counter of one session's events."""

    session_id = models.CharField(max_length=128, primary_key=True)
    last_seq = models.BigIntegerField(default=0)
    pruned_seq = models.BigIntegerField(default=0, help_text="Events up to this number are gone.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "stream_sessions"

    def __str__(self) -> str:
        return self.session_id


class Event(models.Model):
    """One event of a session, kept as the very text that clients are sent."""

    id = models.BigAutoField(primary_key=True)
    session_id = models.CharField(max_length=128)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=12)
    job_id = models.UUIDField(null=True, blank=True)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "events"
        ordering = ["session_id", "seq"]
        indexes = [
            models.Index(fields=["job_id", "seq"], name="events_job"),
            models.Index(fields=["created_at"], name="events_created"),
        ]
        constraints = [models.UniqueConstraint(fields=["session_id", "seq"], name="events_seq")]

    def __str__(self) -> str:
        return f"{self.session_id} {self.seq} {self.type}"


class Cooldown(models.Model):
    """Until when a provider is left alone, by every process."""

    provider = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField()
    reason = models.TextField(blank=True, default="")

    class Meta:
        db_table = "cooldowns"

    def __str__(self) -> str:
        return self.provider


class Duty(models.Model):
    """Upkeep that one process at a time does: taken by moving `due_at` forward."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "duties"
        verbose_name_plural = "duties"

    def __str__(self) -> str:
        return self.name
