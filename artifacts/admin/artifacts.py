"""Artifacts in the admin, with their public URL and their views."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from artifacts.admin.answers import sums_of
from artifacts.admin.page import page_of
from artifacts.boards.export import TABLES, table_of
from artifacts.boards.services import set_closed
from artifacts.making import intake, services
from artifacts.models import (
    Artifact,
    ArtifactConfiguration,
    ArtifactView,
    Chat,
    Comment,
    ProjectArtifact,
    Vote,
)
from dali.lib.errors import DaliError
from dali.lib.files.csv_files import MEDIA_TYPE
from dali.lib.web.admin import EMPTY, LeanAdmin, badge, column, link


class ArtifactChangeList(ChangeList):
    """The list of artifacts with the views of each: one query per page."""

    def get_results(self, request: HttpRequest) -> None:
        """Counts the views of the artifacts on this page."""
        super().get_results(request)
        ids = [artifact.pk for artifact in self.result_list]
        rows = ArtifactView.objects.filter(artifact_id__in=ids).order_by().values_list("artifact_id")
        counts = dict(rows.annotate(count=Count("id")))
        for artifact in self.result_list:
            artifact.view_count = counts.get(artifact.pk, 0)


def _public_link(artifact: Artifact) -> SafeString | str:
    if artifact.status != Artifact.Status.PUBLISHED or not artifact.public_slug:
        return EMPTY
    return link(artifact.public_path, artifact.public_slug)


def _views_link(artifact: Artifact) -> SafeString | str:
    """The number of views, as counted by ArtifactChangeList, linked to the list of them."""
    count = getattr(artifact, "view_count", 0)
    address = reverse("admin:artifacts_artifactview_changelist")
    return link(f"{address}?artifact__id__exact={artifact.pk}", f"{count:,}") if count else "0"


class ProjectInline(admin.TabularInline[ProjectArtifact, Artifact]):
    """The projects of an artifact."""

    model = ProjectArtifact
    autocomplete_fields = ("project",)
    extra = 0


class ConfigurationInline(admin.TabularInline[ArtifactConfiguration, Artifact]):
    """The configuration of an artifact."""

    model = ArtifactConfiguration
    extra = 0


@admin.register(Artifact)
class ArtifactAdmin(LeanAdmin[Artifact]):
    """Artifacts: generators make them; staff change their title and projects."""

    list_display = ("title", "made_by", "state", "address", "views", "shows", "created_at")
    list_filter = ("status", "output", "created_at")
    search_fields = ("title", "public_slug__exact", "generator")
    id_fields = ("id",)
    search_help_text = "Search by title, generator, or a full slug or id"
    ordering = ("-id",)
    inlines = (ProjectInline, ConfigurationInline)
    actions = ("rebuild", "publish", "unpublish", "close", "reopen")
    change_form_template = "admin/artifacts/artifact/change_form.html"
    fieldsets = (
        (None, {"fields": ("title",)}),
        (
            "Record",
            {
                "classes": ("collapse",),
                "fields": (
                    "id",
                    "generator",
                    "output",
                    "options",
                    "session_id",
                    "owner_id",
                    "template_r2_key",
                    "content_r2_key",
                    "created_at",
                    "updated_at",
                ),
            },
        ),
    )

    made_by = column(
        Artifact, "made by", lambda one: f"{one.generator or 'a template'} ({one.output})", "generator"
    )
    state = column(Artifact, "status", lambda artifact: badge(artifact.status), "status")
    address = column(Artifact, "public page", _public_link)
    views = column(Artifact, "views", _views_link)
    shows = column(
        Artifact, "projects", lambda one: ", ".join(project.name for project in one.projects.all()) or EMPTY
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Artifact | None = None) -> tuple[str, ...]:
        """Everything except the title: the generator sets the rest."""
        shown = [field for _, options in self.fieldsets for field in options["fields"]]
        return tuple(str(field) for field in shown if field != "title")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that counts views."""
        return ArtifactChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Artifact]:
        """Fetches the projects with the artifacts."""
        return super().get_queryset(request).prefetch_related("projects")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Generators make artifacts; staff cannot add any here."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Adds the URLs of the buttons."""
        own = [
            path(
                f"<id:artifact_id>/{action}/",
                self.admin_site.admin_view(self._one(action)),
                name=f"artifacts_artifact_{action}",
            )
            for action in self.actions
        ]
        export = path(
            "<id:artifact_id>/answers.csv",
            self.admin_site.admin_view(self._export),
            name="artifacts_artifact_answers_csv",
        )
        return [*own, export, *super().get_urls()]

    def _export(self, request: HttpRequest, artifact_id: UUID) -> HttpResponse:
        artifact = self.get_object(request, str(artifact_id))
        table = request.GET.get("table", TABLES[0])
        if artifact is None or table not in TABLES:
            raise Http404
        if not self.has_view_permission(request, artifact):
            raise PermissionDenied
        headers = {"Content-Disposition": f'attachment; filename="{table}-{artifact.public_slug}.csv"'}
        return HttpResponse(table_of(artifact, table), content_type=MEDIA_TYPE, headers=headers)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Counts the related rows instead of listing them: there may be a million views."""
        ids = [artifact.pk for artifact in objs]
        below = (ArtifactView, Vote, Comment, ArtifactConfiguration, Chat)
        counts = {
            str(model._meta.verbose_name_plural): model._default_manager.filter(artifact_id__in=ids).count()
            for model in below
        }
        named = {str(self.opts.verbose_name_plural): len(ids)}
        lacks = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        found = {name: count for name, count in counts.items() if count}
        return [str(artifact) for artifact in objs], named | found, lacks, []

    def _one(self, action: str) -> Callable[[HttpRequest, UUID], HttpResponse]:
        def view(request: HttpRequest, artifact_id: UUID) -> HttpResponse:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            getattr(self, action)(request, Artifact.objects.filter(pk=artifact_id))
            return HttpResponseRedirect(reverse("admin:artifacts_artifact_change", args=[artifact_id]))

        return view

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Adds the images, the files and the views."""
        artifact = context["original"]
        if artifact is not None:
            context |= {"page": page_of(artifact), "sums": sums_of(artifact)}
            context |= {"can_act": self.has_change_permission(request, artifact)}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description="Rebuild", permissions=["change"])
    def rebuild(self, request: HttpRequest, artifacts: QuerySet[Artifact]) -> None:
        """Rebuilds the content; visitors see the old content until then."""
        done = self._each(request, artifacts, lambda one: intake.rebuild_artifact(artifact=one))
        building = sum(one.status == Artifact.Status.BUILDING for one in done)
        self._say(request, "Rebuilt", len(done) - building)
        self._say(request, "Queued a rebuild of", building)

    @admin.action(description="Publish", permissions=["change"])
    def publish(self, request: HttpRequest, artifacts: QuerySet[Artifact]) -> None:
        """Shows them to visitors."""
        done = self._each(request, artifacts, lambda one: services.publish_artifact(artifact=one))
        self._say(request, "Published", len(done))

    @admin.action(description="Unpublish", permissions=["change"])
    def unpublish(self, request: HttpRequest, artifacts: QuerySet[Artifact]) -> None:
        """Unpublishes them: their URLs answer 410."""
        done = self._each(request, artifacts, lambda one: services.unpublish_artifact(artifact=one))
        self._say(request, "Unpublished", len(done), ' Visitors now see "no longer available".')

    @admin.action(description="Close voting and comments", permissions=["change"])
    def close(self, request: HttpRequest, artifacts: QuerySet[Artifact]) -> None:
        """Their pages keep showing votes and comments but take no new ones."""
        done = self._each(request, artifacts, lambda one: set_closed(artifact=one, is_closed=True))
        self._say(request, "Closed", len(done), " Visitors can no longer vote or comment.")

    @admin.action(description="Reopen voting and comments", permissions=["change"])
    def reopen(self, request: HttpRequest, artifacts: QuerySet[Artifact]) -> None:
        """Their pages take votes and comments again."""
        done = self._each(request, artifacts, lambda one: set_closed(artifact=one, is_closed=False))
        self._say(request, "Reopened", len(done), " Visitors can vote and comment again.")

    def _each(
        self, request: HttpRequest, artifacts: QuerySet[Artifact], do: Callable[[Artifact], Artifact]
    ) -> list[Artifact]:
        """Runs the action on each; returns those that succeeded and reports the others."""
        if not self.has_change_permission(request):
            self.message_user(request, "You don't have permission to change artifacts.", messages.ERROR)
            return []
        done = []
        for artifact in artifacts.order_by("id"):
            try:
                done.append(do(artifact))
            except DaliError as error:
                self.message_user(request, f"{artifact.title}: {error}", messages.ERROR)
        return done

    def _say(self, request: HttpRequest, verb: str, count: int, effect: str = "") -> None:
        if count:
            noun = ngettext("artifact", "artifacts", count)
            self.message_user(request, f"{verb} {count} {noun}.{effect}", messages.SUCCESS)
