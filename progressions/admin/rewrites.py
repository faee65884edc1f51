"""Prompts rewritten by a text model, in the admin."""

from django.contrib import admin
from django.utils.text import Truncator

from dali.lib.web.admin import MachineAdmin, column
from progressions.models import Rewrite


@admin.register(Rewrite)
class RewriteAdmin(MachineAdmin[Rewrite]):
    """Rewritten prompts, newest first; variants with the same input share one."""

    list_display = ("excerpt", "written_by", "created_at")
    list_filter = ("created_at",)
    search_fields = ("text",)
    ordering = ("-id",)
    fields = ("text", "fault", "not_before", "lease_until", "written_by", "usage", "digest", "created_at")

    # Without a text, the reason why there is none.
    excerpt = column(Rewrite, "prompt", lambda rewrite: Truncator(rewrite.text or rewrite.fault).chars(100))

    @admin.display(description="model")
    def written_by(self, rewrite: Rewrite) -> str:
        """The service and model, as far as they are known."""
        return " ".join(str(rewrite.usage[part]) for part in ("service", "model") if part in rewrite.usage)
