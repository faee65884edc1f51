"""Held answers in the admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from dali.lib.web.admin import MachineAdmin
from progressions.models import HeldAnswer


@admin.register(HeldAnswer)
class HeldAnswerAdmin(MachineAdmin[HeldAnswer]):
    """Paid answers that the originals storage did not accept; Dali moves them there once it is available."""

    list_display = ("key", "variant", "media_type", "created_at")
    ordering = ("created_at",)
    fields = ("key", "variant", "media_type", "note", "created_at")
    list_select_related = ("variant",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[HeldAnswer]:
        """Without the bytes of the images."""
        return super().get_queryset(request).defer("content")
