"""Images and uploads in the admin, with thumbnails and the action "Judge again"."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dali.lib.texts import comparable
from dali.lib.web.admin import EMPTY, MachineAdmin, badge, column, lines, link_to, moment, picture, words
from progressions.admin.columns import as_json, link_to_job, link_to_project, two_lines
from progressions.admin.filters import JudgmentFilter, KindFilter, MakerFilter
from progressions.models import ImageProgression, Upload
from progressions.pipeline.late_judging import ask_again


def _pixels(width: int, height: int) -> str:
    return f"{width} × {height}"  # noqa: RUF001 - times


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

    thumbnail = column(
        ImageProgression, "image", lambda image: picture(image.generated_image_url, image.prompt)
    )
    said = column(ImageProgression, "prompt", lambda image: Truncator(image.prompt).chars(100), "id")
    maker = column(
        ImageProgression, "made by", lambda image: two_lines(image.ai_provider, image.model), "ai_provider"
    )
    made = column(ImageProgression, "made", lambda image: moment(image.created_at), "created_at")
    dimensions = column(ImageProgression, "size", lambda image: _pixels(image.width, image.height))
    work = column(
        ImageProgression,
        "kind",
        lambda image: two_lines(image.kind, _pixels(image.width, image.height)),
        "kind",
    )
    job_link = column(ImageProgression, "job", lambda image: link_to_job(image.job_id, image.job_id))
    refined = column(ImageProgression, "as sent to the provider", lambda image: image.refined_prompt or EMPTY)
    notes = column(ImageProgression, "notes", lambda image: lines(image.ai_notes))
    tags = column(ImageProgression, "tags", lambda image: words(image.ai_tags))
    meta = column(
        ImageProgression, "provider's record", lambda image: as_json(image.provider_meta, sort_keys=True)
    )
    project_link = column(
        ImageProgression,
        "project",
        lambda image: link_to_project(image.project_id, image.project),
        "project__name",
    )

    @admin.display(description="judgment", ordering="judgment")
    def verdict(self, image: ImageProgression) -> SafeString | str:
        """The verdict as a coloured word; its tooltip is the first note."""
        return badge(image.judgment or "unjudged", next(iter(image.ai_notes), ""))

    @admin.display(description="made from")
    def parent_link(self, image: ImageProgression) -> SafeString | str:
        """The image it was made from, to open."""
        parent = image.parent_progression
        if parent is None:
            return EMPTY
        text = Truncator(parent.prompt).chars(80)
        change_link = link_to("admin:progressions_imageprogression_change", parent.pk, text)
        return format_html("{} {}", picture(parent.generated_image_url, parent.prompt), change_link)

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

    @admin.display(description="tips applied")
    def tips(self, image: ImageProgression) -> SafeString | str:
        """Key and wording at the time."""
        return lines(f"{tip.get('key')}: {tip.get('addition')}" for tip in image.tips_applied)


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

    thumbnail = column(Upload, "image", lambda upload: _preview(upload, "small"))
    preview = column(Upload, "image", lambda upload: _preview(upload, "large"))
    dimensions = column(Upload, "pixels", lambda upload: _pixels(upload.width, upload.height))
    size = column(Upload, "size", lambda upload: filesizeformat(upload.bytes), "bytes")
    received = column(Upload, "received", lambda upload: moment(upload.created_at), "created_at")


def _preview(upload: Upload, size: str) -> SafeString | str:
    return picture(upload.delivery, f"upload {upload.pk}", size=size)
