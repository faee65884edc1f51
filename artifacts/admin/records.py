"""Rows related to artifacts in the admin: their projects, configuration and views."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from artifacts.models import ArtifactConfiguration, ArtifactView, ProjectArtifact
from dali.lib.web.admin import EMPTY, LeanAdmin, MachineAdmin, badge


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

    @admin.display(description="value")
    def value(self, configuration: ArtifactConfiguration) -> str:
        """The value, shortened for the list."""
        return Truncator(configuration.config_value).chars(80)


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

    @admin.display(description="place", ordering="country")
    def place(self, view: ArtifactView) -> str:
        """City and country, if known."""
        return ", ".join(part for part in (view.city, view.country) if part) or EMPTY

    @admin.display(description="by", ordering="is_bot")
    def kind(self, view: ArtifactView) -> SafeString | str:
        """A person or a known bot."""
        return badge("bot" if view.is_bot else "person")

    @admin.display(description="browser or tool", ordering="agent")
    def browser(self, view: ArtifactView) -> str:
        """The browser's family."""
        return view.agent or EMPTY

    @admin.display(description="user agent")
    def user_agent_text(self, view: ArtifactView) -> str:
        """The browser's User-Agent, shortened for the list."""
        return Truncator(view.user_agent).chars(60) or EMPTY
