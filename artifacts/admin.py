"""Artifacts in the admin, with their public address and how often they were opened."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from artifacts.models import Artifact, ArtifactConfiguration, ArtifactView, ProjectArtifact
from dali.lib.admin import EMPTY, LeanAdmin, MachineAdmin, badge, link


class ArtifactChangeList(ChangeList):
    """The list of artifacts with the views of each: one query for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        """Counts the views of the page's artifacts."""
        super().get_results(request)
        counts = _views_of([artifact.pk for artifact in self.result_list])
        for artifact in self.result_list:
            artifact.view_count = counts.get(artifact.pk, 0)


def _views_of(ids: list[Any]) -> dict[Any, int]:
    rows = ArtifactView.objects.filter(artifact_id__in=ids).order_by().values("artifact_id")
    return {row["artifact_id"]: row["count"] for row in rows.annotate(count=Count("id"))}


class ProjectInline(admin.TabularInline[ProjectArtifact, Artifact]):
    """The projects an artifact shows."""

    model = ProjectArtifact
    autocomplete_fields = ("project",)
    extra = 0


class ConfigurationInline(admin.TabularInline[ArtifactConfiguration, Artifact]):
    """The choices made for an artifact."""

    model = ArtifactConfiguration
    extra = 0


@admin.register(Artifact)
class ArtifactAdmin(LeanAdmin[Artifact]):
    """Artifacts: made by generators, retitled and given to projects here."""

    list_display = ("title", "generator", "output", "state", "address", "views", "shows", "created_at")
    list_filter = ("status", "output", "created_at")
    search_fields = ("title", "public_slug__exact", "generator")
    id_fields = ("id",)
    search_help_text = "Words of the title, a generator, a whole slug or id"
    ordering = ("-id",)
    inlines = (ProjectInline, ConfigurationInline)
    fieldsets = (
        (None, {"fields": ("title", "state", "address", "views", "error")}),
        (
            "Record",
            {"fields": ("id", "generator", "output", "owner_id", "template_r2_key", "content_r2_key")},
        ),
        ("Manifest", {"classes": ("collapse",), "fields": ("manifest", "created_at", "updated_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Artifact | None = None) -> tuple[str, ...]:
        """All but the title: the rest is what the generator did."""
        shown = [field for _, options in self.fieldsets for field in options["fields"]]
        return tuple(str(field) for field in shown if field != "title")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """With views counted."""
        return ArtifactChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Artifact]:
        """With the projects of each."""
        return super().get_queryset(request).prefetch_related("projects")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody may: a generator makes them."""
        return False

    @admin.display(description="status", ordering="status")
    def state(self, artifact: Artifact) -> SafeString | str:
        """The status as a coloured word."""
        return badge(artifact.status)

    @admin.display(description="public page")
    def address(self, artifact: Artifact) -> SafeString | str:
        """The way to what visitors see, where there is one."""
        if artifact.status != Artifact.Status.PUBLISHED or not artifact.public_slug:
            return EMPTY
        folder = "lookbook" if artifact.generator == "lookbook" else "artifact"
        return link(f"/public/{folder}/{artifact.public_slug}", artifact.public_slug)

    @admin.display(description="views")
    def views(self, artifact: Artifact) -> SafeString | str:
        """How often it was opened, and the way to each."""
        count = getattr(artifact, "view_count", None)
        if count is None:
            count = _views_of([artifact.pk]).get(artifact.pk, 0)
        address = reverse("admin:artifacts_artifactview_changelist")
        return link(f"{address}?artifact__id__exact={artifact.pk}", f"{count:,}") if count else "0"

    @admin.display(description="projects")
    def shows(self, artifact: Artifact) -> str:
        """The projects it shows."""
        return ", ".join(project.name for project in artifact.projects.all()) or EMPTY


@admin.register(ProjectArtifact)
class ProjectArtifactAdmin(LeanAdmin[ProjectArtifact]):
    """Which artifact shows which project."""

    list_display = ("artifact", "project", "created_at")
    list_select_related = ("artifact", "project")
    autocomplete_fields = ("artifact", "project")
    search_fields = ("artifact__title", "project__name")
    ordering = ("-id",)


@admin.register(ArtifactConfiguration)
class ArtifactConfigurationAdmin(LeanAdmin[ArtifactConfiguration]):
    """The choices made for artifacts."""

    list_display = ("config_key", "value", "artifact")
    list_select_related = ("artifact",)
    autocomplete_fields = ("artifact",)
    search_fields = ("config_key", "artifact__title")
    ordering = ("-id",)

    @admin.display(description="value")
    def value(self, configuration: ArtifactConfiguration) -> str:
        """The value, cut for the list."""
        return Truncator(configuration.config_value).chars(80)


@admin.register(ArtifactView)
class ArtifactViewAdmin(MachineAdmin[ArtifactView]):
    """Each time an artifact was opened, newest first."""

    list_display = ("timestamp", "artifact", "country", "city", "ip_address", "agent")
    list_filter = ("timestamp",)
    list_select_related = ("artifact",)
    search_fields = ("artifact__public_slug__exact", "country__exact")
    id_fields = ("artifact_id",)
    search_help_text = "A whole slug, artifact id or country"
    ordering = ("-id",)

    @admin.display(description="agent")
    def agent(self, view: ArtifactView) -> str:
        """The browser's name for itself, cut for the list."""
        return Truncator(view.user_agent).chars(60) or EMPTY
