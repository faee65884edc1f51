"""The routes of jobs and variants."""

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import GenericViewSet, ViewSet

from dali.lib.errors import InputError
from dali.lib.web.api import ApiMixin
from dali.lib.web.input.strict_json import TooLargeError
from dali.lib.web.pagination import MOST_WHOLE, next_link, parse_limit
from dali.lib.web.schema.views import ErrorSerializer
from progressions.api import answers, serializers
from progressions.api.progressions import LOCATION, shown, shown_again
from progressions.api.requests import JobRetryInSerializer, once_of, parse_after
from progressions.api.throttles import JobsThrottle
from progressions.models import Job
from progressions.money.ledger import spent_by_jobs
from progressions.pipeline import writes
from progressions.pipeline.intake import submit
from progressions.pipeline.intake.body import JobInSerializer
from progressions.queries import event_texts, get_job, get_job_with_variants, jobs_with_variants
from progressions.stream.schema import EVENTS_SCHEMA
from progressions.work.idempotency import do_once
from projects.authentication import owner_of
from projects.queries import get_bare_project

MOST_EVENTS = 10_000
CONFLICT = {409: ErrorSerializer}


class ProjectJobViewSet(ApiMixin, GenericViewSet[Job]):
    """A project's jobs."""

    queryset = Job.objects.all()
    serializer_class = serializers.JobListedSerializer

    def get_throttles(self) -> list[BaseThrottle]:
        """Submissions are limited, lists are not."""
        return [JobsThrottle()] if self.request.method == "POST" else []

    def check_throttles(self, request: Request) -> None:
        """Does nothing: DRF calls this before the body is read. `create` counts requests that are not replays."""

    @extend_schema(summary="List a project's jobs", description="Newest first, without steps.")
    def list(self, request: Request, project_id: UUID) -> Response:
        """A page of jobs."""
        project = get_bare_project(project_id)
        page = self.paginate_queryset(jobs_with_variants().filter(project=project))
        context = {serializers.SPENT_CONTEXT: spent_by_jobs(job.pk for job in page or ())}
        return self.get_paginated_response(
            serializers.JobListedSerializer(page, many=True, context=context).data
        )

    @extend_schema(
        summary="Submit a job",
        request=JobInSerializer,
        responses={202: serializers.JobSubmittedSerializer, 422: ErrorSerializer},
        parameters=[answers.IDEMPOTENCY_KEY, LOCATION, answers.replay_header(202)],
    )
    def create(self, request: Request, project_id: UUID) -> Response:
        """One prompt for one or more providers.

        Checks size, replay, rate limit, validation and backlog, in this order. A replay gets its answer whatever has
        changed since; an unreadable body is reported after the rate limit.
        """
        once, fault = None, None
        try:
            body = request.data
            once = once_of(request, f"projects/{project_id}/jobs", owner="", body=body)
        except TooLargeError:
            raise
        except (APIException, InputError) as error:
            fault = error

        def make() -> Response:
            super(ProjectJobViewSet, self).check_throttles(request)
            if fault is not None:
                raise fault
            project = get_bare_project(project_id)
            draft = self.read(JobInSerializer).draft()
            job = submit.submit_job(project=project, draft=draft, owner=owner_of(request), once=once)
            return answers.submitted(job.pk)

        return do_once(once, make, answers.submitted_again(self, JobInSerializer))


class JobViewSet(ApiMixin, GenericViewSet[Job]):
    """One job."""

    queryset = Job.objects.all()
    serializer_class = serializers.JobSerializer
    pagination_class = None

    @extend_schema(summary="One job")
    def retrieve(self, request: Request, job_id: UUID) -> Response:
        """The job with its variants and their steps."""
        return answers.job_answer(get_job_with_variants(job_id))

    @extend_schema(
        summary="A job's stored events",
        description=f"For clients without sockets, in the order of `seq`. At most {MOST_EVENTS:,}; the `Link` header"
        " leads to the next ones.",
        parameters=[
            OpenApiParameter(
                "after",
                {"type": "integer", "minimum": 0, "maximum": MOST_WHOLE, "default": 0},
                description="The last `seq` that you have.",
            ),
            OpenApiParameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": MOST_EVENTS}
            ),
        ],
        responses={200: EVENTS_SCHEMA},
    )
    def events(self, request: Request, job_id: UUID) -> HttpResponse:
        """The events, in exactly the text that the stream sends."""
        after = parse_after(request)
        limit = parse_limit(request.query_params.get("limit", ""), default=MOST_EVENTS, most=MOST_EVENTS)
        get_job(job_id)
        found = event_texts(job_id, after=after, limit=limit + 1)
        answer = HttpResponse(
            f"[{','.join(text for _, text in found[:limit])}]\n", content_type="application/json"
        )
        if len(found) > limit:
            answer["Link"] = next_link(request, after=str(found[limit - 1][0]))
        return answer

    @extend_schema(
        summary="Cancel a job",
        description="Variants that have not started never start; others end at their next step. Idempotent.",
        request=None,
        responses={200: serializers.JobSerializer},
    )
    def cancel(self, request: Request, job_id: UUID) -> Response:
        """The job, cancelled."""
        get_job(job_id)
        self.read_nothing()
        writes.cancel_job(job_id=job_id)
        return answers.job_answer(get_job_with_variants(job_id))

    @extend_schema(
        summary="Try the failed variants again",
        description="A new job (`retryOf`) of the variants that failed or were cancelled.",
        request=JobRetryInSerializer,
        responses={202: serializers.JobSubmittedSerializer, 422: ErrorSerializer, **CONFLICT},
        parameters=[answers.IDEMPOTENCY_KEY, LOCATION, answers.replay_header(202)],
    )
    def retry(self, request: Request, job_id: UUID) -> Response:
        """A new job of the failed variants."""
        owner = owner_of(request)
        once = once_of(request, f"jobs/{job_id}/retry", owner=owner, body=request.data)

        def make() -> Response:
            job = get_job(job_id)
            session_id = self.read(JobRetryInSerializer).validated_data.get("sessionId")
            return answers.submitted(
                submit.retry_job(job=job, session_id=session_id, owner=owner, once=once).pk
            )

        return do_once(once, make, answers.submitted_again(self, JobRetryInSerializer))


class VariantViewSet(ApiMixin, ViewSet):
    """One image asked of one provider."""

    @extend_schema(summary="One variant", responses={200: serializers.OneVariantSerializer})
    def retrieve(self, request: Request, variant_id: UUID) -> Response:
        """The variant as in its job, with the job's id. `duplicateOf` holds such an id too."""
        return answers.variant_answer(variant_id)

    @extend_schema(
        summary="Keep a near-duplicate",
        description="Makes a progression of a variant that was skipped as a near-duplicate.",
        request=None,
        responses={
            201: serializers.ProgressionSerializer,
            200: serializers.ProgressionSerializer,
            422: ErrorSerializer,
            **CONFLICT,
        },
        parameters=[answers.IDEMPOTENCY_KEY, answers.replay_header(200, 201)],
    )
    def keep(self, request: Request, variant_id: UUID) -> Response:
        """201 with the new progression, 200 if it was kept before."""
        scope, body = f"variants/{variant_id}/keep", self.read_nothing()
        once = once_of(request, scope, owner=owner_of(request), body=body)

        def make() -> Response:
            progression, is_new = writes.keep_variant(variant_id=variant_id, once=once)
            return shown(progression, writes.CREATED if is_new else writes.FOUND)

        return do_once(once, make, shown_again)
