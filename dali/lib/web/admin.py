"""Admin classes for large tables and for rows that only Dali writes, and their HTML helpers."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from dali.lib.texts import composed, decomposed

M = TypeVar("M", bound=Model)

EMPTY = "–"  # noqa: RUF001 - the dash of an empty cell


class CappedPaginator(Paginator[Any]):
    """Pages over the first 10,000 rows: counting a million rows takes longer than showing a page."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are to page through, at most `most`."""
        rows = self.object_list
        return (
            rows.order_by()[: self.most].count() if isinstance(rows, QuerySet) else min(self.most, len(rows))
        )


class LeanAdmin(admin.ModelAdmin[M]):
    """Lists of large tables, without a count of the whole table or of each filter.

    A search for a whole id looks in the indexed `id_fields`, any other search in `search_fields`.
    """

    id_fields: tuple[str, ...] = ()

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 50
    empty_value_display = EMPTY

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Titles the list by its rows, instead of "Select ... to change"."""
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows with that id if the term is one; otherwise Django's search, for each encoding of the term."""
        searched = _as_id(search_term)
        if searched is not None and self.id_fields:
            is_one = Q.create([(field, searched) for field in self.id_fields], connector=Q.OR)
            return queryset.filter(is_one), False
        rows, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        for other in {composed(search_term), decomposed(search_term)} - {search_term}:
            found, may_have_more = super().get_search_results(request, queryset, other)
            rows, may_have_duplicates = rows | found, may_have_duplicates or may_have_more
        return rows, may_have_duplicates


class MachineAdmin(LeanAdmin[M]):
    """Rows that only Dali writes: read-only in the admin."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Never."""
        return False


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def column(
    model: type[M], label: str, show: Callable[[M], object], ordering: str | None = None
) -> "staticmethod[[M], object]":
    """A column of an admin list or a read-only field, as an attribute of its admin class.

    `show` gets the row; `model` tells the type checker which one. `ordering`: the field to sort by.
    """
    return staticmethod(admin.display(description=label, ordering=ordering)(show))


def badge(word: str, title: str = "") -> SafeString | str:
    """A state as a coloured word."""
    if not word:
        return EMPTY
    return format_html(
        '<span class="badge badge-{}" title="{}">{}</span>', word, title, word.replace("_", " ")
    )


def link(address: str, text: object) -> SafeString:
    """A link to another page of the admin or of the site."""
    return format_html('<a href="{}">{}</a>', address, text)


def link_to(view: str, id_: object, text: object) -> SafeString:
    """A link to a view of one row, such as `admin:artifacts_chat_change`."""
    return link(reverse(view, args=[id_]), text)


def picture(address: str, text: str, *, size: str = "small") -> SafeString | str:
    """A delivery image that opens at full size; `size` is `small` (a list), `medium` or `large`."""
    if not address:
        return EMPTY
    return format_html(
        '<a class="picture picture-{}" href="{}" target="_blank" rel="noopener">'
        '<img src="{}" alt="{}" loading="lazy" decoding="async"></a>',
        size,
        address,
        address,
        text[:120],
    )


def words(parts: Iterable[object]) -> SafeString | str:
    """A row of small words, as tags are shown."""
    shown = format_html_join(" ", '<span class="word">{}</span>', ((part,) for part in parts))
    return shown or EMPTY


def lines(parts: Iterable[object]) -> SafeString | str:
    """A list of sentences, one a line."""
    shown = format_html_join("", "<li>{}</li>", ((part,) for part in parts))
    return format_html('<ul class="lines">{}</ul>', shown) if shown else EMPTY


def moment(time: datetime | None) -> SafeString | str:
    """A time, short enough for a list; its tooltip has the seconds."""
    if time is None:
        return EMPTY
    return format_html(
        '<time class="moment" datetime="{}" title="{}">{}</time>',
        time.isoformat(),
        date_format(time, "j F Y, H:i:s"),
        date_format(time, "j M Y, H:i"),
    )


def milliseconds(value: float | None) -> str:
    """A duration for people: `840 ms`, `2.1 s`, `3 min 20 s`."""
    if value is None:
        return EMPTY
    if value < 1000:
        return f"{value:.0f} ms"
    if value < 60_000:
        return f"{value / 1000:.1f} s"
    minutes, rest = divmod(round(value / 1000), 60)
    return f"{minutes} min {rest} s"
