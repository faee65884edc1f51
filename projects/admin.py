"""API keys in the admin. Pages name a key by its prefix, since its id contains the hash."""

import json
from typing import Any

import rest_framework_api_key.admin  # noqa: F401 - registers the library's own model, which is taken out below
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from rest_framework_api_key.models import APIKey as LibraryApiKey

from dali.lib.web.admin import LeanAdmin, badge
from projects.models import ApiKey

admin.site.unregister(LibraryApiKey)


class ApiKeyChangeList(ChangeList):
    """The list of keys; its links use the prefix."""

    def url_for_result(self, result: Any) -> str:
        """The page of a key, by its prefix."""
        return reverse("admin:projects_apikey_change", args=[result.prefix])


@admin.register(ApiKey)
class ApiKeyAdmin(LeanAdmin[ApiKey]):
    """API keys: created, renamed and revoked here. A key is shown only once, when it is created.

    There are no bulk actions and no deletion: both would put ids, and so hashes, into pages. A revoked key cannot be
    restored; its row stays on record.
    """

    list_display = ("prefix", "name", "state", "created", "expiry_date", "last_used_at")
    list_filter = ("revoked", "created")
    search_fields = ("prefix__exact", "name")
    search_help_text = "Words of the name, or a whole prefix"
    ordering = ("-created",)
    actions = None
    fields = ("name", "expiry_date")
    change_form_template = "admin/projects/apikey/change_form.html"
    add_form_template = "admin/change_form.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """With links that use the prefix."""
        return ApiKeyChangeList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> ApiKey | None:
        """The key with that prefix: URLs contain no id."""
        return self.get_queryset(request).filter(prefix=object_id).first()

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """A key that exists can be revoked."""
        return ("prefix", "name", "expiry_date", "revoked", "created", "last_used_at") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """A revoked key stays as it is."""
        if obj is None:
            return ()
        frozen = ("name", "expiry_date", "revoked") if obj.revoked else ()
        return ("prefix", "created", "last_used_at", *frozen)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Never: keys are revoked instead."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # noqa: FBT001
        """Creates the key of a new row and shows it, this one time."""
        if change:
            obj.save()
            return
        key = ApiKey.objects.assign_key(obj)
        obj.save()
        text = format_html("The key of {}, shown only this once: <code class='key'>{}</code>", obj.name, key)
        messages.warning(request, text)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Redirects to the key's page; Django's own answer would contain the id."""
        return HttpResponseRedirect(reverse("admin:projects_apikey_change", args=[obj.prefix]))

    def response_change(self, request: HttpRequest, obj: ApiKey) -> HttpResponse:
        """Redirects to the list; Django's own answer would contain the id."""
        messages.success(request, f"Saved {obj}.")
        return HttpResponseRedirect(reverse("admin:projects_apikey_changelist"))

    def log_addition(self, request: HttpRequest, obj: ApiKey, message: Any) -> LogEntry:
        """Logs who created the key, by its prefix."""
        return self._log(request, obj, ADDITION, message)

    def log_change(self, request: HttpRequest, obj: ApiKey, message: Any) -> LogEntry:
        """Logs who changed the key, by its prefix."""
        return self._log(request, obj, CHANGE, message)

    def _log(self, request: HttpRequest, obj: ApiKey, flag: int, message: Any) -> LogEntry:
        return LogEntry.objects.create(
            user_id=int(request.user.pk or 0),
            content_type=ContentType.objects.get_for_model(ApiKey),
            object_id=obj.prefix,
            object_repr=str(obj)[:200],
            action_flag=flag,
            change_message=json.dumps(message) if isinstance(message, list) else message,
        )

    @admin.display(description="state")
    def state(self, key: ApiKey) -> SafeString | str:
        """Whether the key works."""
        if key.revoked:
            return badge("revoked")
        if key.expiry_date is not None and key.expiry_date < timezone.now():
            return badge("expired")
        return badge("valid")
