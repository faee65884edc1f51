"""Projects and API keys in the admin. A key is known by its prefix: its id holds the hash."""

import json
from typing import Any

import rest_framework_api_key.admin  # noqa: F401 - registers the library's own model, which is taken out below
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from rest_framework_api_key.models import APIKey as LibraryApiKey

from dali.lib.admin import EMPTY, LeanAdmin, badge, link, picture
from projects.models import ApiKey, Project
from projects.queries import projects_with_counts
from projects.spending import Spending, in_words, spending_of

admin.site.unregister(LibraryApiKey)

NEWEST_SHOWN = 12


class ProjectChangeList(ChangeList):
    """The list of projects with what each has cost: one query for the whole page."""

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
        """None: projects are deleted one by one, see below."""
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Only a project without any work: nothing that was made is lost by a click."""
        if obj is not None and any(
            getattr(obj, count, 0) > 0 for count in ("job_count", "progression_count")
        ):
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description="")
    def cover(self, project: Project) -> SafeString | str:
        """Its cover, small."""
        return picture(getattr(project, "cover", ""), project.name)

    @admin.display(description="description")
    def about(self, project: Project) -> str:
        """The description, cut for the list."""
        return Truncator(project.description).chars(80) or EMPTY

    @admin.display(description="images")
    def images(self, project: Project) -> SafeString | str:
        """How many, and the way to them."""
        return _counted(project, "progression_count", "progressions_imageprogression")

    @admin.display(description="jobs")
    def jobs(self, project: Project) -> SafeString | str:
        """How many, and the way to them."""
        return _counted(project, "job_count", "progressions_job")

    @admin.display(description="cost")
    def cost(self, project: Project) -> SafeString | str:
        """What its work has cost, and the way to the calls."""
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
        rows = apps.get_model("progressions", "ImageProgression").objects.filter(project=project)
        newest = rows.order_by("-created_at", "-id").values_list("generated_image_url", "prompt")[
            :NEWEST_SHOWN
        ]
        shown = format_html_join("", "{}", ((picture(url, prompt, size="medium"),) for url, prompt in newest))
        return format_html('<div class="strip">{}</div>', shown) if shown else EMPTY


def _counted(project: Project, attribute: str, model: str) -> SafeString | str:
    count = getattr(project, attribute, 0)
    if not count:
        return EMPTY
    return link(f"{reverse(f'admin:{model}_changelist')}?project__id__exact={project.pk}", f"{count:,}")


class ApiKeyChangeList(ChangeList):
    """The list of keys; its links name the prefix."""

    def url_for_result(self, result: Any) -> str:
        """The page of a key, by its prefix."""
        return reverse("admin:projects_apikey_change", args=[result.prefix])


@admin.register(ApiKey)
class ApiKeyAdmin(LeanAdmin[ApiKey]):
    """API keys: made, renamed and revoked here. A key is shown once, when it is made, and never again.

    No bulk actions and no deletion: both would put ids, and with them hashes, into pages. Revoking is for good, and
    keeps on record whose key it was.
    """

    list_display = ("prefix", "name", "state", "created", "expiry_date", "last_used_at")
    list_filter = ("revoked", "created")
    search_fields = ("prefix__exact", "name")
    search_help_text = "Words of the name, or a whole prefix"
    ordering = ("-created",)
    actions = None
    fields = ("name", "expiry_date")
    change_form_template = "admin/projects/apikey/change_form.html"
    add_form_template = "admin/change_form.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """With links that name the prefix."""
        return ApiKeyChangeList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> ApiKey | None:
        """The key of that prefix: addresses hold no id."""
        return self.get_queryset(request).filter(prefix=object_id).first()

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """A key that exists can be revoked."""
        return ("prefix", "name", "expiry_date", "revoked", "created", "last_used_at") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """A revoked key stays as it is."""
        if obj is None:
            return ()
        frozen = ("name", "expiry_date", "revoked") if obj.revoked else ()
        return ("prefix", "created", "last_used_at", *frozen)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Nobody may: keys are revoked."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # noqa: FBT001
        """Makes the key of a new row and shows it this once."""
        if change:
            obj.save()
            return
        key = ApiKey.objects.assign_key(obj)
        obj.save()
        text = format_html("The key of {}, shown only now: <code class='key'>{}</code>", obj.name, key)
        messages.warning(request, text)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To the key's page; Django's own answer would name the id."""
        return HttpResponseRedirect(reverse("admin:projects_apikey_change", args=[obj.prefix]))

    def response_change(self, request: HttpRequest, obj: ApiKey) -> HttpResponse:
        """To the list; Django's own answer would name the id."""
        messages.success(request, f"{obj} is saved.")
        return HttpResponseRedirect(reverse("admin:projects_apikey_changelist"))

    def log_addition(self, request: HttpRequest, obj: ApiKey, message: Any) -> LogEntry:
        """Notes who made the key, by its prefix."""
        return self._log(request, obj, ADDITION, message)

    def log_change(self, request: HttpRequest, obj: ApiKey, message: Any) -> LogEntry:
        """Notes who changed the key, by its prefix."""
        return self._log(request, obj, CHANGE, message)

    def _log(self, request: HttpRequest, obj: ApiKey, flag: int, message: Any) -> LogEntry:
        return LogEntry.objects.create(
            user_id=int(request.user.pk or 0),
            content_type=ContentType.objects.get_for_model(ApiKey),
            object_id=obj.prefix,
            object_repr=str(obj)[:200],
            action_flag=flag,
            change_message=json.dumps(message) if isinstance(message, list) else message,
        )

    @admin.display(description="state")
    def state(self, key: ApiKey) -> SafeString | str:
        """Whether it opens anything."""
        if key.revoked:
            return badge("revoked")
        if key.expiry_date is not None and key.expiry_date < timezone.now():
            return badge("expired")
        return badge("valid")
