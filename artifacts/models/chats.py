"""Chats that fill a template: one for each artifact and session, and their turns."""

from django.db import models
from django.utils import timezone

from artifacts.models.artifacts import Artifact
from dali.lib.ids import new_id
from progressions.models import Queued


class Chat(models.Model):
    """A chat about one artifact. The values are in `artifact_configurations`; this row holds the chat's state."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="chats")
    session_id = models.CharField(max_length=128)
    state = models.JSONField(
        default=dict, blank=True, help_text="The open question, its choices, and the placeholders before."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "chat_sessions"
        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "session_id"], name="chat_sessions_session")
        ]

    def __str__(self) -> str:
        return self.session_id


class ChatTurn(Queued):
    """One message and its answer: a leased row whose steps are in the journal. Turns of a chat run one at a time."""

    class Status(models.TextChoices):
        """The state of a turn; `failed`: there was no answer, but saved values stay."""

        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField(help_text="Counted from 1 within the chat.")
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    input = models.TextField()
    understood = models.JSONField(
        default=list, blank=True, help_text="The intents read from the message, and by what."
    )
    reply = models.TextField(blank=True, default="")
    answer = models.JSONField(default=dict, blank=True, help_text="The complete answer sent to the client.")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "chat_turns"
        ordering = ["chat", "number"]
        constraints = [models.UniqueConstraint(fields=["chat", "number"], name="chat_turns_number")]
        indexes = [
            models.Index(
                fields=["chat", "number"],
                name="chat_turns_unfinished",
                condition=models.Q(status__in=["queued", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.input[:60]}"
