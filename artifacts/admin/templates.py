"""Templates in the admin: their placeholders, their problems, and uploads."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from artifacts.filling.templates import MOST_BYTES, store_template
from artifacts.models import Artifact, Template
from dali.lib.errors import InputError
from dali.lib.objects.storage import InvalidKeyError, named
from dali.lib.web.admin import LeanAdmin, column, lines, link, link_to, words


class TemplateForm(forms.ModelForm[Template]):
    """A form to upload a template."""

    file = forms.FileField(help_text="HTML in UTF-8, at most 1 MiB, with at least one {{PLACEHOLDER}}.")

    class Meta:
        model = Template
        fields = ()

    def clean_file(self) -> Any:
        """Checks and stores the file; a file that is already stored gives its existing template."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file has {file.size:,} bytes; the limit is {MOST_BYTES:,}.")
        try:
            self.instance = store_template(content=file.read(), name=file.name)
        except InputError as error:
            raise forms.ValidationError(str(error)) from error
        return file


def _artifacts_link(template: Template) -> SafeString:
    address = reverse("admin:artifacts_artifact_changelist")
    return link(f"{address}?template_r2_key__exact={template.r2_key}", "artifacts")


@admin.register(Template)
class TemplateAdmin(LeanAdmin[Template]):
    """Templates: uploaded, never changed; deleted only if no artifact uses them."""

    list_display = ("name", "asks_for", "left", "size", "filled_by", "created_at")
    search_fields = ("name", "r2_key__exact")
    id_fields = ("id",)
    search_help_text = "Search by file name, or a full key or id"
    ordering = ("-created_at", "-id")
    form = TemplateForm
    fields = (
        "name",
        "asks_for",
        "left",
        "size",
        "download",
        "filled_by",
        "owner_id",
        "r2_key",
        "sha256",
        "created_at",
    )

    asks_for = column(Template, "placeholders", lambda template: words(template.placeholders))
    left = column(Template, "not filled", lambda template: lines(template.problems))
    size = column(Template, "size", lambda template: filesizeformat(template.bytes), "bytes")
    filled_by = column(Template, "artifacts", _artifacts_link)
    download = column(
        Template, "file", lambda one: link_to("admin:artifacts_template_download", one.pk, "download")
    )

    def get_fields(self, request: HttpRequest, obj: Template | None = None) -> tuple[str, ...]:
        """A new template needs only its file."""
        return self.fields if obj else ("file",)

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> tuple[str, ...]:
        """All fields: a stored template never changes."""
        return self.fields if obj else ()

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Runs without Django's transaction: nothing is written to storage inside one."""
        return self._changeform_view(request, *args, **kwargs)  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: Any) -> None:
        """Does nothing: the form has stored it."""

    def has_change_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        """Templates cannot be changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        """Only if no artifact uses it; its file stays in the storage."""
        is_used = obj is not None and Artifact.objects.filter(template_r2_key=obj.r2_key).exists()
        return not is_used and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No actions: bulk deletion would skip the check whether a template is in use."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        """Adds the download URL."""
        own = path(
            "<id:template_id>/download/",
            self.admin_site.admin_view(self.download_view),
            name="artifacts_template_download",
        )
        return [own, *super().get_urls()]

    def download_view(self, request: HttpRequest, template_id: UUID) -> HttpResponse:
        """The original file, as a text download: opened in the admin, its scripts would run there."""
        template = Template.objects.filter(pk=template_id).first()
        if template is None or not self.has_view_permission(request, template):
            raise Http404
        try:
            content = named("templates").read(template.r2_key)
        except (FileNotFoundError, InvalidKeyError):
            raise Http404 from None
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
        answer = HttpResponse(content, content_type="text/plain; charset=utf-8", headers=headers)
        answer["Content-Disposition"] = f'attachment; filename="{template.sha256[:12]}.html"'
        return answer
