"""Projects in the admin, with what belongs to each."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dali.lib.web.admin import EMPTY, LeanAdmin, column, link, picture
from progressions.models import ImageProgression
from progressions.money.spending import Spending, in_words, spending_of
from progressions.queries import projects_with_counts
from projects.models import Project

NEWEST_SHOWN = 12


class ProjectChangeList(ChangeList):
    """The list of projects with their cost: one query for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        """Sums up the ledger of the page's projects."""
        super().get_results(request)
        spent = spending_of("project_id", (project.pk for project in self.result_list))
        for project in self.result_list:
            project.spent = spent.get(project.pk, Spending())


@admin.register(Project)
class ProjectAdmin(LeanAdmin[Project]):
    """Projects, with what belongs to each."""

    list_display = ("cover", "name", "about", "images", "jobs", "cost", "updated_at")
    list_display_links = ("name",)
    list_filter = ("updated_at",)
    search_fields = ("name", "description")
    id_fields = ("id",)
    search_help_text = "Words of name or description, or a whole id"
    ordering = ("-updated_at", "-id")
    fields = ("name", "description", "newest", "images", "jobs", "cost", "id", "created_at", "updated_at")
    readonly_fields = ("newest", "images", "jobs", "cost", "id", "created_at", "updated_at")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """With costs."""
        return ProjectChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        """With counts and cover."""
        return projects_with_counts()

    def get_fields(self, request: HttpRequest, obj: Project | None = None) -> Any:
        """A new project has nothing to show yet."""
        return self.fields if obj else ("name", "description")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """None: projects are deleted one by one."""
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Only projects without jobs and images can be deleted, so that no work is lost by a click."""
        if obj is not None and any(
            getattr(obj, count, 0) > 0 for count in ("job_count", "progression_count")
        ):
            return False
        return super().has_delete_permission(request, obj)

    cover = column(Project, "", lambda project: picture(getattr(project, "cover", ""), project.name))
    about = column(Project, "description", lambda row: Truncator(row.description).chars(80) or EMPTY)
    images = column(
        Project, "images", lambda row: _counted(row, "progression_count", "progressions_imageprogression")
    )
    jobs = column(Project, "jobs", lambda row: _counted(row, "job_count", "progressions_job"))

    @admin.display(description="cost")
    def cost(self, project: Project) -> SafeString | str:
        """What its work has cost, as a link to the calls."""
        spent: Spending | None = getattr(project, "spent", None)
        if spent is None:
            spent = spending_of("project_id", [project.pk]).get(project.pk, Spending())
        if not spent.calls and not spent.possible:
            return EMPTY
        address = f"{reverse('admin:progressions_charge_changelist')}?project__id__exact={project.pk}"
        return link(address, in_words(spent))

    @admin.display(description="newest images")
    def newest(self, project: Project) -> SafeString | str:
        """The newest images, small."""
        rows = ImageProgression.objects.filter(project=project)
        newest = rows.order_by("-created_at", "-id").values_list("generated_image_url", "prompt")[
            :NEWEST_SHOWN
        ]
        shown = format_html_join("", "{}", ((picture(url, prompt, size="medium"),) for url, prompt in newest))
        return format_html('<div class="strip">{}</div>', shown) if shown else EMPTY


def _counted(project: Project, attribute: str, model: str) -> SafeString | str:
    """How many rows of the model belong to the project, as a link to them."""
    count = getattr(project, attribute, 0)
    if not count:
        return EMPTY
    return link(f"{reverse(f'admin:{model}_changelist')}?project__id__exact={project.pk}", f"{count:,}")
