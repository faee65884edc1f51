"""Chats with the Artifact Agent in the admin: messages, how they were understood, and the steps taken."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import Truncator

from artifacts.models import Chat, ChatTurn
from dali.lib.web.admin import EMPTY, MachineAdmin, badge, column, link_to, moment
from progressions.admin.timeline import timeline
from progressions.queries import steps_by_owner

TURNS_PER_PAGE = 50


def _taken_for(turn: ChatTurn) -> str:
    """`set TITLE Winter Light (rules)`; several intents are joined."""
    parts = []
    for intent in turn.understood:
        words = [intent["action"].replace("_", " "), intent.get("placeholder"), intent.get("number")]
        text = Truncator(intent.get("text") or "").chars(60)
        parts.append(" ".join(str(word) for word in [*words, text] if word))
    by = turn.understood[0]["by"] if turn.understood else ""
    return f"{'; '.join(parts)} ({by})" if parts else EMPTY


@admin.register(Chat)
class ChatAdmin(MachineAdmin[Chat]):
    """Chats: each is one session that fills one artifact's template."""

    list_display = ("session_id", "artifact_link", "turn_count", "asked", "updated")
    list_filter = ("updated_at",)
    list_select_related = ("artifact",)
    search_fields = ("session_id__exact", "artifact__title")
    id_fields = ("id", "artifact_id")
    search_help_text = "Search by artifact title, or a full session, chat or artifact id"
    ordering = ("-id",)
    change_form_template = "admin/artifacts/chat/change_form.html"
    fieldsets = ((None, {"fields": ()}),)  # the template shows everything in its own order

    artifact_link = column(
        Chat,
        "artifact",
        lambda chat: link_to("admin:artifacts_artifact_change", chat.artifact_id, chat.artifact),
        "artifact__title",
    )
    turn_count = column(Chat, "messages", lambda chat: getattr(chat, "turns_made", 0))
    asked = column(Chat, "asks for", lambda chat: chat.state.get("asked") or EMPTY)
    updated = column(Chat, "last message", lambda chat: moment(chat.updated_at), "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Chat]:
        """Adds the number of messages."""
        return super().get_queryset(request).annotate(turns_made=Count("turns"))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Adds the transcript."""
        chat = kwargs.get("obj")
        if chat is not None:
            context.update(_transcript(chat, request.GET.get("turns")))
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(ChatTurn)
class ChatTurnAdmin(MachineAdmin[ChatTurn]):
    """The messages of all chats: shows what failed or was not understood."""

    list_display = ("said", "state", "taken_for", "answered", "chat_link", "created")
    list_filter = ("status", "created_at")
    list_select_related = ("chat",)
    search_fields = ("input",)
    id_fields = ("id", "chat_id")
    search_help_text = "Search by text, or the full id of a message or its chat"
    ordering = ("-id",)

    said = column(ChatTurn, "message", lambda turn: Truncator(turn.input).chars(80) or EMPTY)
    state = column(ChatTurn, "status", lambda turn: badge(turn.status, turn.error[:200]), "status")
    taken_for = column(ChatTurn, "understood as", _taken_for)
    answered = column(ChatTurn, "reply", lambda turn: Truncator(turn.reply).chars(80) or EMPTY)
    chat_link = column(
        ChatTurn, "chat", lambda turn: link_to("admin:artifacts_chat_change", turn.chat_id, turn.chat)
    )
    created = column(ChatTurn, "received", lambda turn: moment(turn.created_at), "created_at")


def _transcript(chat: Chat, page_number: str | None) -> dict[str, Any]:
    """Two queries for a page of messages, however many steps they took."""
    page = Paginator(chat.turns.order_by("number"), TURNS_PER_PAGE).get_page(page_number)
    steps = steps_by_owner([turn.pk for turn in page])
    now = timezone.now()
    return {
        "chat": chat,
        "page": page,
        "turns": [(turn, _taken_for(turn), timeline(steps.get(turn.pk, []), now)) for turn in page],
        "title": chat.artifact.title,
        "subtitle": None,
    }
