"""Images and uploads in the admin, with thumbnails and the action "Judge again"."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dali.lib.texts import comparable
from dali.lib.web.admin import EMPTY, MachineAdmin, badge, lines, link, moment, picture, words
from progressions.admin.filters import JudgmentFilter, KindFilter, MakerFilter
from progressions.models import ImageProgression, Upload
from progressions.pipeline.late_judging import ask_again


@admin.register(ImageProgression)
class ImageProgressionAdmin(MachineAdmin[ImageProgression]):
    """Every image made, newest first."""

    list_display = (
        "thumbnail",
        "said",
        "verdict",
        "maker",
        "work",
        "project_link",
        "made",
    )
    list_display_links = ("said",)
    list_filter = (JudgmentFilter, MakerFilter, KindFilter, "created_at")
    list_select_related = ("project",)
    list_per_page = 24
    search_fields = ("search_text",)
    id_fields = ("id", "job_id")
    search_help_text = "Words of prompt, notes or tags, or a whole image or job id"
    ordering = ("-id",)  # ids are in the order of time, and indexed
    actions = ("judge_again",)
    change_form_template = "admin/progressions/imageprogression/change_form.html"
    fieldsets = (
        (None, {"fields": ("images", "prompt", "refined", "tips")}),
        (
            "Verdict",
            {"fields": ("verdict", "notes", "tags", "retry_suggestion", "judge_attempts", "judge_due_at")},
        ),
        (
            "Origin",
            {"fields": ("project_link", "parent_link", "job_link", "kind", "maker", "seed", "created_at")},
        ),
        (
            "Record",
            {
                "classes": ("collapse",),
                "fields": (
                    "id",
                    "dimensions",
                    "bytes",
                    "cost_usd",
                    "phash",
                    "phash_version",
                    "ground",
                    "start_image_url",
                    "original_image_r2_key",
                    "generated_image_r2_key",
                    "meta",
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImageProgression]:
        """With what an image's page links to."""
        return super().get_queryset(request).select_related("project", "parent_progression")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The search text is stored case-folded, so the search words are folded too."""
        return super().get_search_results(request, queryset, comparable(search_term))

    def has_judge_permission(self, request: HttpRequest) -> bool:
        """Whether the user may use "Judge again"."""
        return request.user.has_perm("progressions.change_imageprogression")

    @admin.action(description="Judge again", permissions=["judge"])
    def judge_again(self, request: HttpRequest, images: QuerySet[ImageProgression]) -> None:
        """Queues the images for the judge; the present verdict stays until then."""
        count = ask_again(progression_ids=list(images.values_list("id", flat=True)))
        noun = "image" if count == 1 else "images"
        self.message_user(request, f"{count} {noun} will be judged again within seconds.", messages.SUCCESS)

    @admin.display(description="image")
    def thumbnail(self, image: ImageProgression) -> SafeString | str:
        """The image, small."""
        return picture(image.generated_image_url, image.prompt)

    @admin.display(description="prompt", ordering="id")
    def said(self, image: ImageProgression) -> str:
        """The prompt, cut for the list."""
        return Truncator(image.prompt).chars(100)

    @admin.display(description="judgment", ordering="judgment")
    def verdict(self, image: ImageProgression) -> SafeString | str:
        """The verdict as a coloured word; its tooltip is the first note."""
        return badge(image.judgment or "unjudged", next(iter(image.ai_notes), ""))

    @admin.display(description="made by", ordering="ai_provider")
    def maker(self, image: ImageProgression) -> SafeString | str:
        """Provider and model."""
        return format_html('{}<br><span class="quiet">{}</span>', image.ai_provider, image.model)

    @admin.display(description="made", ordering="created_at")
    def made(self, image: ImageProgression) -> SafeString | str:
        """When it was made."""
        return moment(image.created_at)

    @admin.display(description="size")
    def dimensions(self, image: ImageProgression) -> str:
        """Width and height in pixels."""
        return f"{image.width} × {image.height}"  # noqa: RUF001 - times

    @admin.display(description="kind", ordering="kind")
    def work(self, image: ImageProgression) -> SafeString | str:
        """Kind of work and size in pixels."""
        return format_html('{}<br><span class="quiet">{}</span>', image.kind, self.dimensions(image))

    @admin.display(description="project", ordering="project__name")
    def project_link(self, image: ImageProgression) -> SafeString:
        """The project, to open."""
        return link(reverse("admin:projects_project_change", args=[image.project_id]), image.project)

    @admin.display(description="made from")
    def parent_link(self, image: ImageProgression) -> SafeString | str:
        """The image it was made from, to open."""
        parent = image.parent_progression
        if parent is None:
            return EMPTY
        shown = picture(parent.generated_image_url, parent.prompt)
        address = reverse("admin:progressions_imageprogression_change", args=[parent.pk])
        return format_html("{} {}", shown, link(address, Truncator(parent.prompt).chars(80)))

    @admin.display(description="job")
    def job_link(self, image: ImageProgression) -> SafeString | str:
        """The job, to open."""
        if image.job_id is None:
            return EMPTY
        return link(reverse("admin:progressions_job_change", args=[image.job_id]), image.job_id)

    @admin.display(description="images")
    def images(self, image: ImageProgression) -> SafeString:
        """Start image and result, side by side."""
        result = picture(image.generated_image_url, image.prompt, size="large")
        if not image.start_image_delivery_url:
            return format_html('<div class="pair">{}</div>', result)
        start = picture(image.start_image_delivery_url, "start image", size="large")
        return format_html(
            '<div class="pair"><figure>{}<figcaption>start</figcaption></figure>'
            "<figure>{}<figcaption>result</figcaption></figure></div>",
            start,
            result,
        )

    @admin.display(description="as sent to the provider")
    def refined(self, image: ImageProgression) -> str:
        """The refined prompt."""
        return image.refined_prompt or EMPTY

    @admin.display(description="tips applied")
    def tips(self, image: ImageProgression) -> SafeString | str:
        """Key and wording at the time."""
        return lines(f"{tip.get('key')}: {tip.get('addition')}" for tip in image.tips_applied)

    @admin.display(description="notes")
    def notes(self, image: ImageProgression) -> SafeString | str:
        """What the judge noted."""
        return lines(image.ai_notes)

    @admin.display(description="tags")
    def tags(self, image: ImageProgression) -> SafeString | str:
        """The judge's tags."""
        return words(image.ai_tags)

    @admin.display(description="provider's record")
    def meta(self, image: ImageProgression) -> SafeString:
        """What the provider reported about the call."""
        return format_html(
            '<pre class="json">{}</pre>', json.dumps(image.provider_meta, indent=2, sort_keys=True)
        )


@admin.register(Upload)
class UploadAdmin(MachineAdmin[Upload]):
    """Images that clients sent, newest first."""

    list_display = ("thumbnail", "id", "media_type", "dimensions", "size", "owner", "received")
    list_display_links = ("id",)
    fields = ("preview", "media_type", "dimensions", "size", "owner", "received", "delivery", "key", "sha256")
    list_filter = ("created_at",)
    search_fields = ("sha256__exact", "owner__exact")
    id_fields = ("id",)
    search_help_text = "Whole id, SHA-256 or owner"
    ordering = ("-id",)

    @admin.display(description="image")
    def thumbnail(self, upload: Upload) -> SafeString | str:
        """The image, small."""
        return picture(upload.delivery, f"upload {upload.pk}")

    @admin.display(description="image")
    def preview(self, upload: Upload) -> SafeString | str:
        """The image, large."""
        return picture(upload.delivery, f"upload {upload.pk}", size="large")

    @admin.display(description="pixels")
    def dimensions(self, upload: Upload) -> str:
        """Width and height."""
        return f"{upload.width} × {upload.height}"  # noqa: RUF001 - times

    @admin.display(description="size", ordering="bytes")
    def size(self, upload: Upload) -> str:
        """Bytes of the file, rounded."""
        return filesizeformat(upload.bytes)

    @admin.display(description="received", ordering="created_at")
    def received(self, upload: Upload) -> SafeString | str:
        """When it arrived."""
        return moment(upload.created_at)
