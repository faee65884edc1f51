"""The stream's log, cooldowns, upkeep and the index of near-duplicates in the admin."""

import json

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dali.lib.web.admin import MachineAdmin, badge, column, moment
from progressions.admin.columns import as_json, link_to_job
from progressions.admin.filters import TypeFilter
from progressions.models import Cooldown, Duty, Event, HashBands, StreamSession

_IN_EVERY_EVENT = {"seq", "type", "ts", "sessionId", "jobId", "projectId", "variantId"}


@admin.register(Event)
class EventAdmin(MachineAdmin[Event]):
    """Events as clients were sent them, newest first."""

    list_display = ("name", "kind", "excerpt", "job_link", "written")
    list_display_links = ("name",)
    list_filter = (TypeFilter,)
    search_fields = ("session_id__exact",)
    id_fields = ("job_id",)
    search_help_text = "A whole session or job id"
    ordering = ("-id",)
    fields = ("session_id", "seq", "kind", "job_link", "created_at", "body")

    name = column(Event, "event", lambda event: f"{event.session_id} #{event.seq}", "session_id")
    kind = column(Event, "type", lambda event: badge(event.type), "type")
    job_link = column(Event, "job", lambda event: link_to_job(event.job_id), "job_id")
    written = column(Event, "written", lambda event: moment(event.created_at), "created_at")
    body = column(Event, "text", lambda event: as_json(json.loads(event.text), ensure_ascii=False))

    @admin.display(description="text")
    def excerpt(self, event: Event) -> SafeString:
        """The fields that have no column of their own, cut."""
        body = {name: value for name, value in json.loads(event.text).items() if name not in _IN_EVERY_EVENT}
        shown = ", ".join(
            f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
            for name, value in body.items()
        )
        return format_html('<span class="quiet">{}</span>', Truncator(shown).chars(160))


@admin.register(StreamSession)
class StreamSessionAdmin(MachineAdmin[StreamSession]):
    """Sessions and the number of their last event."""

    list_display = ("session_id", "last_seq", "pruned_seq", "events_link", "updated_at")
    search_fields = ("session_id__startswith",)
    search_help_text = "Beginning of a session id"
    ordering = ("session_id",)

    @admin.display(description="events")
    def events_link(self, session: StreamSession) -> SafeString:
        """The session's events, as a list."""
        address = reverse("admin:progressions_event_changelist")
        return format_html('<a href="{}?session_id={}">events</a>', address, session.session_id)


@admin.register(Cooldown)
class CooldownAdmin(MachineAdmin[Cooldown]):
    """Providers that are cooling down; delete a row to use the provider again at once."""

    list_display = ("provider", "until", "reason")

    def has_delete_permission(self, request: HttpRequest, obj: Cooldown | None = None) -> bool:
        """Users with the permission to delete cooldowns."""
        return request.user.has_perm("progressions.delete_cooldown")


@admin.register(Duty)
class DutyAdmin(MachineAdmin[Duty]):
    """When each upkeep task is due."""

    list_display = ("name", "due_at")


@admin.register(HashBands)
class HashBandsAdmin(MachineAdmin[HashBands]):
    """The index of near-duplicates."""

    list_display = ("__str__", "variant_id")
    search_fields = ("variant__provider__exact",)
    search_help_text = "A whole variant id, or a provider"
    id_fields = ("variant_id",)
    ordering = ("-variant_id",)
    fields = ("structure", "band_0", "band_1", "band_2")
