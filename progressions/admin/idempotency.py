"""Idempotency keys, in the admin."""

from django.contrib import admin

from dali.lib.web.admin import MachineAdmin
from progressions.models import IdempotencyKey


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(MachineAdmin[IdempotencyKey]):
    """Idempotency keys of successful requests; Dali deletes them after seven days."""

    list_display = ("key", "scope", "owner", "status", "made_id", "created_at")
    list_filter = ("created_at",)
    search_fields = ("key__exact",)
    id_fields = ("made_id",)
    search_help_text = "A whole key, or the whole id of what was made"
    ordering = ("-created_at", "-id")
    fields = ("key", "scope", "owner", "digest", "status", "made_id", "created_at")
