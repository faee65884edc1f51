"""The data of the studio page: the chat's messages, what is filled, and the page's URL."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict

from django.conf import settings
from django.urls import reverse

from artifacts.filling.placeholders import Placeholder
from artifacts.models import Artifact, Chat, ChatTurn
from dali.lib.db import connections
from progressions.work import leases

MOST_TURNS = 200
# A message waits for its turn no longer than this; one that still waits after this has lost its process.
WAITS_AT_MOST = timedelta(seconds=45)

TurnState = Literal["done", "waiting", "lost"]


class TurnData(TypedDict):
    """One message and its answer; `lost`: it has no answer and gets one only if it is sent again."""

    number: int
    input: str
    reply: str
    state: TurnState


class SlotData(TypedDict):
    """One placeholder of the template."""

    name: str
    isImage: bool


class ChatData(TypedDict):
    """The initial state of the page's script. `answer`: the last one from the API, or empty."""

    artifactId: str
    sessionId: str
    status: str
    address: str
    customize: str
    stream: str
    tickets: str
    preview: str
    signIn: str
    slots: list[SlotData]
    filled: dict[str, str]
    turns: list[TurnData]
    answer: dict[str, Any]


def session_for(artifact: Artifact, user_id: int) -> str:
    """The session of this staff member's last chat about the artifact, otherwise a new one."""
    prefix = f"studio.{user_id}."
    last = Chat.objects.filter(artifact=artifact, session_id__startswith=prefix).first()
    return last.session_id if last else prefix + secrets.token_urlsafe(12)


def chat_data(artifact: Artifact, session_id: str, placeholders: Sequence[Placeholder]) -> ChatData:
    """The chat from its rows: three queries. `artifact` comes with its configurations."""
    newest = ChatTurn.objects.filter(chat__artifact=artifact, chat__session_id=session_id)
    turns = list(newest.order_by("-number")[:MOST_TURNS])[::-1]
    answers = [turn.answer for turn in turns if turn.answer]
    page = reverse("studio_artifact", args=[artifact.pk])
    return ChatData(
        artifactId=str(artifact.pk),
        sessionId=session_id,
        status=artifact.status,
        address=fresh_address(artifact),
        customize=f"/api/artifacts/{artifact.pk}/customize",
        stream=f"/api/stream/{session_id}",
        tickets=f"/api/stream/{session_id}/tickets" if settings.REQUIRE_KEY == "all" else "",
        preview=reverse("studio_preview", args=[artifact.pk]),
        signIn=f"{reverse('admin:login')}?next={page}",
        slots=[SlotData(name=one.name, isImage=one.is_image) for one in placeholders],
        filled={row.config_key: row.config_value for row in artifact.configurations.all()},
        turns=[_turn(turn, connections.now()) for turn in turns],
        answer=answers[-1] if answers else {},
    )


def fresh_address(artifact: Artifact) -> str:
    """The public page's URL, with a cache buster; empty unless it is published."""
    if artifact.status != Artifact.Status.PUBLISHED or not artifact.content_r2_key:
        return ""
    return f"{artifact.public_path}?v={artifact.manifest['files'][0]['sha256'][:12]}"


def _turn(turn: ChatTurn, now: datetime) -> TurnData:
    is_new = now - turn.created_at < WAITS_AT_MOST
    waits = {ChatTurn.Status.RUNNING: leases.is_held(turn), ChatTurn.Status.QUEUED: is_new}
    state: TurnState = "waiting" if waits.get(ChatTurn.Status(turn.status)) else "lost"
    if turn.status == ChatTurn.Status.DONE:
        state = "done"
    return TurnData(number=turn.number, input=turn.input, reply=turn.reply, state=state)
