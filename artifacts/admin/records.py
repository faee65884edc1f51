"""Rows related to artifacts in the admin: their projects, configuration and views."""

from django.contrib import admin
from django.utils.text import Truncator

from artifacts.models import ArtifactConfiguration, ArtifactView, ProjectArtifact
from dali.lib.web.admin import EMPTY, LeanAdmin, MachineAdmin, badge, column


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
    """The configuration of artifacts."""

    list_display = ("config_key", "value", "artifact")
    list_select_related = ("artifact",)
    autocomplete_fields = ("artifact",)
    search_fields = ("config_key", "artifact__title")
    ordering = ("-id",)

    value = column(ArtifactConfiguration, "value", lambda row: Truncator(row.config_value).chars(80))


@admin.register(ArtifactView)
class ArtifactViewAdmin(MachineAdmin[ArtifactView]):
    """Views of artifacts, newest first."""

    list_display = ("timestamp", "artifact", "place", "ip_address", "kind", "browser", "user_agent_text")
    list_filter = ("is_bot", "timestamp")
    list_select_related = ("artifact",)
    search_fields = ("artifact__public_slug__exact", "country__exact")
    id_fields = ("artifact_id",)
    search_help_text = "Search by full slug, artifact id or country"
    ordering = ("-id",)

    place = column(
        ArtifactView,
        "place",
        lambda view: ", ".join(filter(None, (view.city, view.country))) or EMPTY,
        "country",
    )
    kind = column(ArtifactView, "by", lambda view: badge("bot" if view.is_bot else "person"), "is_bot")
    browser = column(ArtifactView, "browser or tool", lambda view: view.agent or EMPTY, "agent")
    user_agent_text = column(
        ArtifactView, "user agent", lambda view: Truncator(view.user_agent).chars(60) or EMPTY
    )
