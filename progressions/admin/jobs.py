"""Jobs, variants and steps in the admin."""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dali.lib.web.admin import EMPTY, MachineAdmin, badge, column, link_to, milliseconds, moment, picture
from progressions.admin.columns import link_to_job, link_to_project, two_lines
from progressions.admin.filters import CodeFilter, KindFilter, ProviderFilter
from progressions.admin.timeline import timeline
from progressions.enums import JobStatus
from progressions.models import Job, Step, Variant
from progressions.money.amounts import dollars
from progressions.money.ledger import spent_by_jobs, with_unbooked
from progressions.money.spending import Spending, in_words
from progressions.pipeline.writes import cancel_job, summarise
from progressions.queries import steps_by_owner
from progressions.work.step_owners import owner_of_step

VARIANTS_PER_PAGE = 24
TITLE_CHARACTERS = 160
_TALLY_ORDER = ("complete", "skipped", "failed", "cancelled", "running", "queued")


class JobChangeList(ChangeList):
    """The list of jobs with their variants by state and their cost: two queries for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        """Counts the variants of the page's jobs by status, and sums up their costs."""
        super().get_results(request)
        ids = [job.pk for job in self.result_list]
        tallies: dict[UUID, dict[str, int]] = defaultdict(dict)
        known: dict[UUID, Decimal] = {}
        rows = Variant.objects.filter(job_id__in=ids).order_by().values("job_id", "status")
        for row in rows.annotate(count=Count("id"), usd=Sum("cost_usd")):
            tallies[row["job_id"]][row["status"]] = row["count"]
            if row["usd"] is not None:
                known[row["job_id"]] = known.get(row["job_id"], Decimal(0)) + row["usd"]
        spent = spent_by_jobs(ids)
        for job in self.result_list:
            job.tally = tallies[job.pk]
            job.spent = with_unbooked(spent.get(job.pk, Spending()), known.get(job.pk))


def _took(job: Job) -> str:
    if job.ended_at is None:
        return EMPTY
    return milliseconds((job.ended_at - job.created_at).total_seconds() * 1000)


@admin.register(Job)
class JobAdmin(MachineAdmin[Job]):
    """Jobs, which come from the API or the command line; they can be cancelled here."""

    list_display = ("asked", "state", "outcome", "asks", "project_link", "cost", "submitted", "took")
    list_display_links = ("asked",)
    list_filter = ("status", KindFilter, "created_at")
    list_select_related = ("project",)
    search_fields = ("prompt", "session_id__exact")
    id_fields = ("id",)
    search_help_text = "Words of the prompt, or a whole session or job id"
    ordering = ("-id",)  # ids are in the order of time, and indexed
    actions = ("cancel",)
    change_form_template = "admin/progressions/job/change_form.html"
    fieldsets = ((None, {"fields": ()}),)  # the template shows everything

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """With tallies."""
        return JobChangeList

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Whether the user may cancel jobs."""
        return request.user.has_perm("progressions.change_job")

    def get_urls(self) -> list[URLPattern]:
        """Adds the cancel button's address."""
        own = path(
            "<id:job_id>/cancel/",
            self.admin_site.admin_view(self.cancel_view),
            name="progressions_job_cancel",
        )
        return [own, *super().get_urls()]

    def cancel_view(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Cancels one job and shows it again."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.cancel(request, Job.objects.filter(pk=job_id))
        return HttpResponseRedirect(reverse("admin:progressions_job_change", args=[job_id]))

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """Waiting variants end now, running ones at their next step."""
        if not self.has_cancel_permission(request):
            self.message_user(request, "You don't have permission to cancel jobs.", messages.ERROR)
            return
        unfinished = jobs.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING])
        ids = list(unfinished.order_by("id").values_list("id", flat=True))
        for job_id in ids:
            cancel_job(job_id=job_id)
        if ids:
            noun = "job" if len(ids) == 1 else "jobs"
            self.message_user(
                request, f"Cancelled {len(ids)} {noun}. Running variants end at their next step."
            )
        else:
            self.message_user(
                request, "None of these jobs can be cancelled: they have ended.", messages.WARNING
            )

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Adds the content of the job's page."""
        job = kwargs.get("obj")
        if job is not None:
            context.update(self._board(request, job))
        return super().render_change_form(request, context, *args, **kwargs)

    def _board(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        rows = job.variants.select_related("progression", "duplicate_of").order_by("number")
        page = Paginator(rows, VARIANTS_PER_PAGE).get_page(request.GET.get("variants"))
        steps = steps_by_owner([job.pk, *(variant.pk for variant in page)])
        now = timezone.now()
        summary, spent = summarise(job.pk)
        return {
            "job": job,
            "page": page,
            "ingest": timeline(steps.get(job.pk, []), now),
            "variants": [(variant, timeline(steps.get(variant.pk, []), now)) for variant in page],
            "tally": _tally({name: count for name, count in summary.items() if isinstance(count, int)}),
            "cost": in_words(spent),
            "costs": [
                (name, dollars(usd))
                for name, usd in (
                    ("images", spent.images),
                    ("verdicts", spent.judging),
                    ("refined prompts", spent.refining),
                )
                if usd != 0
            ],
            "has_charges": spent.calls + spent.possible > 0,
            "took": _took(job),
            "can_cancel": self.has_cancel_permission(request)
            and job.status in (JobStatus.QUEUED, JobStatus.RUNNING)
            and job.cancel_requested_at is None,
            "title": Truncator(job.prompt).chars(TITLE_CHARACTERS),
            "subtitle": None,
            "is_prompt_long": len(job.prompt) > TITLE_CHARACTERS,
        }

    asked = column(Job, "prompt", lambda job: Truncator(job.prompt).chars(90), "id")
    outcome = column(Job, "variants", lambda job: _tally(getattr(job, "tally", {})))
    cost = column(Job, "cost", lambda job: in_words(getattr(job, "spent", Spending())))
    submitted = column(Job, "submitted", lambda job: moment(job.created_at), "created_at")
    took = column(Job, "took", _took)
    project_link = column(
        Job, "project", lambda job: link_to_project(job.project_id, job.project), "project__name"
    )

    @admin.display(description="status", ordering="status")
    def state(self, job: Job) -> SafeString | str:
        """The status as a coloured word."""
        is_ending = job.cancel_requested_at is not None and job.ended_at is None
        return badge("cancelling" if is_ending else job.status)

    @admin.display(description="kind", ordering="kind")
    def asks(self, job: Job) -> SafeString:
        """The kind, the providers, and the number of variants of each."""
        asked = f"{', '.join(job.providers)} × {job.variants_per_provider}"  # noqa: RUF001 - times
        return two_lines(job.kind, asked)


@admin.register(Variant)
class VariantAdmin(MachineAdmin[Variant]):
    """Variants of all jobs, to find what failed and why."""

    list_display = (
        "name",
        "state",
        "thumbnail",
        "outcome",
        "attempts",
        "cost",
        "job_link",
        "ended",
    )
    list_filter = ("status", ProviderFilter, CodeFilter, KindFilter)
    list_select_related = ("job", "progression")
    search_fields = ("error",)
    id_fields = ("id", "job_id")
    search_help_text = "Words of the error, or a whole variant or job id"
    ordering = ("-id",)

    name = column(Variant, "variant", lambda variant: f"{variant.provider} {variant.index}", "provider")
    state = column(Variant, "status", lambda variant: badge(variant.status), "status")
    ended = column(Variant, "ended", lambda variant: moment(variant.ended_at), "ended_at")
    job_link = column(
        Variant, "job", lambda variant: link_to_job(variant.job_id, Truncator(variant.job.prompt).chars(40))
    )

    @admin.display(description="image")
    def thumbnail(self, variant: Variant) -> SafeString | str:
        """Its image, if there is one."""
        made = variant.progression
        return picture(made.generated_image_url, made.prompt) if made else EMPTY

    @admin.display(description="failure", ordering="code")
    def outcome(self, variant: Variant) -> SafeString | str:
        """Code and error, cut for the list."""
        if not variant.code:
            return EMPTY
        error = Truncator(variant.error).chars(120)
        return format_html('<strong>{}</strong><br><span class="quiet">{}</span>', variant.code, error)

    @admin.display(description="cost", ordering="cost_usd")
    def cost(self, variant: Variant) -> str:
        """Of its image calls, in US dollars; empty if no price is known."""
        return EMPTY if variant.cost_usd is None else dollars(variant.cost_usd)


@admin.register(Step)
class StepAdmin(MachineAdmin[Step]):
    """The journal: each attempt at each step."""

    list_display = ("name", "attempt", "state", "duration", "error_text", "owner", "started")
    list_filter = ("status", "started_at")
    search_fields = ("name__exact",)
    id_fields = ("owner_id",)
    search_help_text = "Name of a step, or the whole id of the job or variant it belongs to"
    ordering = ("-id",)

    state = column(Step, "status", lambda step: badge(step.status), "status")
    duration = column(Step, "took", lambda step: milliseconds(step.ms), "ms")
    error_text = column(Step, "error", lambda step: Truncator(step.error).chars(80) or EMPTY)
    started = column(Step, "started", lambda step: moment(step.started_at), "started_at")

    @admin.display(description="belongs to")
    def owner(self, step: Step) -> SafeString | str:
        """A link to the row that the step belongs to."""
        owner, number = owner_of_step(step.name), str(step.owner_id)[-12:]
        return link_to(owner.change_page, step.owner_id, f"{owner.noun} {number}") if owner else number


def _tally(counts: dict[str, int]) -> SafeString | str:
    """A divided bar, and the same in words."""
    shown = [(word, counts.get(word, 0)) for word in _TALLY_ORDER]
    shown = [(word, count) for word, count in shown if count]
    total = sum(count for _, count in shown)
    if not total:
        return EMPTY
    parts, left = [], 0.0
    for word, count in shown:
        parts.append((word, f"{left:.2f}%", f"{100 * count / total:.2f}%"))
        left += 100 * count / total
    bar = format_html_join("", '<rect class="part-{}" x="{}" width="{}" height="6"></rect>', parts)
    said = ", ".join(f"{count} {word}" for word, count in shown)
    return format_html(
        '<span class="tally"><svg width="100%" height="6" aria-hidden="true">{}</svg><span>{}</span></span>',
        bar,
        said,
    )
