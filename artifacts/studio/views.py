"""The studio: pages where staff fill a template by chat and see a live preview."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from csp.decorators import csp_update
from django import forms
from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from artifacts.agent.pages import page_of
from artifacts.api.requests import MOST_TITLE
from artifacts.filling.templates import open_template
from artifacts.making import intake
from artifacts.models import Artifact, Template
from artifacts.queries import get_artifact
from artifacts.studio.chat_data import chat_data, session_for
from artifacts.studio.preview import half_filled, slot_picture
from dali.lib.errors import ConflictError, InputError, MissingError
from progressions.delivery import image_origins, origin_of
from progressions.enums import SESSION_ID
from projects.models import Project

MOST_LISTED = 50
MOST_PROJECTS = 100
PERMISSION = "artifacts.change_artifact"
_SESSION = re.compile(SESSION_ID)
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_SLOT_CACHE_S = 86_400


def _for_staff(view: Callable[..., HttpResponseBase]) -> Any:
    """Redirects others to sign in; staff without permission to change artifacts get a 403, missing artifacts a 404."""

    @wraps(view)
    def found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (MissingError, ConflictError) as error:
            raise Http404(str(error)) from error

    allowed = permission_required(PERMISSION, raise_exception=True)(found)
    return staff_member_required(allowed, login_url="admin:login")


class DraftForm(forms.Form):
    """A template, the page's title, and the projects for its images."""

    template = forms.ModelChoiceField(Template.objects.all(), empty_label=None)
    title = forms.CharField(max_length=MOST_TITLE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        newest = list(Project.objects.order_by("-id").values_list("pk", flat=True)[:MOST_PROJECTS])
        self.fields["projects"] = forms.ModelMultipleChoiceField(
            Project.objects.filter(pk__in=newest).order_by("-id"), widget=forms.CheckboxSelectMultiple
        )


@_for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def drafts(request: HttpRequest) -> HttpResponse:
    """`/studio/`: the pages made from templates, and a form to start another."""
    form = DraftForm(request.POST or None)
    if form.is_valid():
        try:
            artifact = intake.draft_of_template(
                template_key=form.cleaned_data["template"].r2_key,
                project_ids=[project.pk for project in form.cleaned_data["projects"]],
                title=form.cleaned_data["title"],
                owner=f"staff-{request.user.pk}"[:16],
            )
        except InputError as error:
            form.add_error(None, str(error))
        else:
            return redirect("studio_artifact", artifact.pk)
    context = {
        "form": form,
        "artifacts": _pages_of_templates()[:MOST_LISTED],
        "has_templates": Template.objects.exists(),
        "has_projects": Project.objects.exists(),
    }
    return render(request, "studio/drafts.html", context)


def _pages_of_templates() -> QuerySet[Artifact]:
    template = Template.objects.filter(r2_key=OuterRef("template_r2_key"))[:1]
    return (
        Artifact.objects.exclude(template_r2_key="")
        .annotate(
            template_name=Subquery(template.values("name")),
            placeholders=Subquery(template.values("placeholders")),
            filled_count=Count("configurations"),
        )
        .prefetch_related("projects")
        .order_by("-updated_at", "-id")
    )


@_for_staff
@require_safe
def talk(request: HttpRequest, artifact_id: UUID) -> HttpResponseBase:
    """`/studio/artifacts/<id>/`: the chat beside the preview; `?session=` continues that session."""
    artifact = get_artifact(artifact_id)
    asked = request.GET.get("session", "")
    session = asked if _SESSION.fullmatch(asked) else session_for(artifact, int(request.user.pk or 0))
    data = chat_data(artifact, session, page_of(artifact).placeholders)

    # Thumbnails use the public origin, even if the page was opened under another host name.
    @csp_update({"img-src": [origin_of(settings.PUBLIC_ORIGIN)]})
    def shown(request: HttpRequest) -> HttpResponse:
        context = {"artifact": artifact, "data": data, "address": data["address"]}
        return render(request, "studio/artifact.html", context)

    answer = shown(request)
    patch_cache_control(answer, no_store=True, private=True)
    return answer


@_for_staff
@require_safe
@xframe_options_sameorigin
def preview(request: HttpRequest, artifact_id: UUID) -> HttpResponse:
    """The template with the values so far and marks for missing ones; sandboxed, whatever it contains."""
    artifact = get_artifact(artifact_id)
    values = {row.config_key: row.config_value for row in artifact.configurations.all()}
    origins = [
        f"{request.scheme}://{request.get_host()}",
        origin_of(settings.PUBLIC_ORIGIN),
        *image_origins(),
    ]
    images = " ".join(dict.fromkeys(["'self'", "data:", *filter(None, origins)]))
    policy = (
        f"sandbox; default-src 'none'; img-src {images}; style-src 'unsafe-inline'; font-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    return HttpResponse(
        half_filled(open_template(artifact), values),
        headers={"Content-Security-Policy": policy, "Cache-Control": "no-store, private"},
    )


@require_safe
def slot(request: HttpRequest, name: str) -> HttpResponse:
    """The picture for a missing image: its name. Public, because the sandboxed preview has no session."""
    if not _NAME.fullmatch(name):
        raise Http404("This is not a placeholder name.")
    return HttpResponse(
        slot_picture(name),
        content_type="image/svg+xml",
        headers={"Cache-Control": f"public, max-age={_SLOT_CACHE_S}"},
    )
