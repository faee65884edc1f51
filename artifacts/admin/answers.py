"""Visitors' votes and comments in the admin: hiding, restoring, and the totals on an artifact's page."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import ngettext

from artifacts.admin.page import chart_of_counts
from artifacts.boards import services
from artifacts.boards.pages import page_of
from artifacts.boards.results import ImageResults, Results, results_of
from artifacts.models import Artifact, Comment, Vote
from dali.lib.web.admin import LeanAdmin, MachineAdmin, badge, column, link_to, moment, picture

MOST_IMAGES = 60


@dataclass(frozen=True, slots=True)
class Sums:
    """The totals of a page. `chart`: votes by choice, None without votes.

    `rows`: image, its picture, its votes by choice; most answers first.
    """

    results: Results
    chart: SafeString | None
    rows: list[tuple[ImageResults, SafeString | str, list[int]]]


def sums_of(artifact: Artifact) -> Sums | None:
    """The totals of the artifact's page; None if it takes no answers."""
    if not page_of(artifact).takes_answers:
        return None
    results = results_of(artifact)
    ranked = sorted(results.images, key=lambda one: -(sum(one.votes.values()) + one.written))
    has_votes = any(results.votes.values())
    return Sums(
        results=results,
        chart=chart_of_counts("votes", "Votes by choice", list(results.votes.items())) if has_votes else None,
        rows=[(one, picture(one.url, one.prompt), list(one.votes.values())) for one in ranked[:MOST_IMAGES]],
    )


def _artifact_link(row: Vote | Comment) -> SafeString:
    return link_to("admin:artifacts_artifact_change", row.artifact_id, row.artifact.title)


def _visitor(row: Vote | Comment) -> str:
    """The start of the visitor's id: enough to tell visitors apart."""
    return row.visitor[:8]


@admin.register(Vote)
class VoteAdmin(MachineAdmin[Vote]):
    """Votes: each visitor's current choice for each image."""

    list_display = ("choice", "page", "image_id", "who", "changed")
    list_filter = ("updated_at",)
    list_select_related = ("artifact",)
    search_fields = ("choice__exact", "visitor__exact", "artifact__title")
    id_fields = ("artifact_id", "image_id")
    search_help_text = "Search by choice, artifact title, or a full artifact, image or visitor id"
    ordering = ("-id",)

    page = column(Vote, "artifact", _artifact_link, "artifact__title")
    who = column(Vote, "visitor", _visitor, "visitor")
    changed = column(Vote, "voted", lambda vote: moment(vote.updated_at), "updated_at")


@admin.register(Comment)
class CommentAdmin(LeanAdmin[Comment]):
    """Comments: staff can hide and restore them, but not edit them."""

    list_display = ("shortened", "name", "state", "page", "kind", "who", "written")
    list_filter = ("is_hidden", "created_at")
    list_select_related = ("artifact",)
    search_fields = ("text", "name", "visitor__exact", "artifact__title")
    id_fields = ("id", "artifact_id", "image_id")
    search_help_text = "Search by text, name, artifact title or a full id"
    ordering = ("-id",)
    actions = ("hide", "restore")
    fields = ("is_hidden", "text", "name", "artifact", "image_id", "reply_to", "visitor", "created_at")
    readonly_fields = fields[1:]

    shortened = column(Comment, "text", lambda comment: Truncator(comment.text).chars(80), "text")
    state = column(Comment, "shown", lambda one: badge("hidden" if one.is_hidden else "shown"), "is_hidden")
    page = column(Comment, "artifact", _artifact_link, "artifact__title")
    kind = column(Comment, "type", lambda comment: "reply" if comment.reply_to_id else "comment")
    who = column(Comment, "visitor", _visitor, "visitor")
    written = column(Comment, "written", lambda comment: moment(comment.created_at), "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Visitors write comments; staff cannot add any."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Comment, form: forms.ModelForm[Comment], change: Any
    ) -> None:
        """Updates the pages that visitors have open."""
        services.set_hidden(comments=Comment.objects.filter(pk=obj.pk), is_hidden=obj.is_hidden)

    @admin.action(description="Hide from visitors", permissions=["change"])
    def hide(self, request: HttpRequest, comments: QuerySet[Comment]) -> None:
        """Hides comments and the replies to them from visitors."""
        self._set_hidden(request, comments, is_hidden=True)

    @admin.action(description="Restore", permissions=["change"])
    def restore(self, request: HttpRequest, comments: QuerySet[Comment]) -> None:
        """Shows hidden comments to visitors again."""
        self._set_hidden(request, comments, is_hidden=False)

    def _set_hidden(self, request: HttpRequest, comments: QuerySet[Comment], *, is_hidden: bool) -> None:
        count = services.set_hidden(comments=comments, is_hidden=is_hidden)
        noun, verb = ngettext("comment", "comments", count), "hidden" if is_hidden else "restored"
        self.message_user(request, f"{count} {noun} {verb}.", messages.SUCCESS)
