"""The routes of jobs and variants."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import GenericViewSet, ViewSet

from dali.lib.api import ApiMixin
from dali.lib.pagination import MOST_WHOLE, next_link, parse_limit
from dali.lib.schema import ErrorSerializer
from progressions import intake, services
from progressions.answers import job_answer, submitted
from progressions.ledger import spent_by_jobs
from progressions.models import Job
from progressions.queries import event_texts, get_job, get_job_with_variants, jobs_with_variants
from progressions.requests import (
    IDEMPOTENCY_KEY,
    JobInSerializer,
    JobRetryInSerializer,
    parse_after,
    parse_idempotency_key,
)
from progressions.serializers import (
    SPENT_CONTEXT,
    JobListedSerializer,
    JobSerializer,
    JobSubmittedSerializer,
    ProgressionSerializer,
)
from progressions.stream_schema import EVENTS_SCHEMA
from progressions.throttles import JobsThrottle
from progressions.viewsets import LOCATION
from projects.authentication import owner_of
from projects.queries import get_bare_project

MOST_EVENTS = 10_000
CONFLICT = {409: ErrorSerializer}


class ProjectJobViewSet(ApiMixin, GenericViewSet[Job]):
    """A project's jobs."""

    queryset = Job.objects.all()
    serializer_class = JobListedSerializer

    def get_throttles(self) -> list[BaseThrottle]:
        """Submissions are limited, lists are not."""
        return [JobsThrottle()] if self.request.method == "POST" else []

    @extend_schema(summary="List a project's jobs", description="Newest first, without steps.")
    def list(self, request: Request, project_id: UUID) -> Response:
        """A page of jobs."""
        project = get_bare_project(project_id)
        page = self.paginate_queryset(jobs_with_variants().filter(project=project))
        context = {SPENT_CONTEXT: spent_by_jobs(job.pk for job in page or ())}
        return self.get_paginated_response(JobListedSerializer(page, many=True, context=context).data)

    @extend_schema(
        summary="Submit a job",
        request=JobInSerializer,
        responses={202: JobSubmittedSerializer, 422: ErrorSerializer},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                {"type": "string", "pattern": IDEMPOTENCY_KEY},
                OpenApiParameter.HEADER,
                description="The same key and the same body give the same job; kept for 7 days.",
            ),
            LOCATION,
            OpenApiParameter(
                "Idempotent-Replayed",
                {"type": "string", "enum": ["true"]},
                OpenApiParameter.HEADER,
                description="There where the key was known.",
                response=[202],
            ),
        ],
    )
    def create(self, request: Request, project_id: UUID) -> Response:
        """One prompt for one or more providers."""
        key = parse_idempotency_key(request)
        project = get_bare_project(project_id)
        given = JobInSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        submission = intake.submit_job(
            project=project,
            draft=given.draft(),
            owner=owner_of(request),
            idempotency_key=key,
            idempotency_digest=_digest(request.data) if key else "",
        )
        return submitted(submission.job, is_replayed=submission.is_replayed)


def _digest(body: Any) -> str:
    """The hash of a parsed body: spaces and the order of names do not count."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class JobViewSet(ApiMixin, GenericViewSet[Job]):
    """One job."""

    queryset = Job.objects.all()
    serializer_class = JobSerializer
    pagination_class = None

    @extend_schema(summary="One job")
    def retrieve(self, request: Request, job_id: UUID) -> Response:
        """The job with its variants and their steps."""
        return job_answer(get_job_with_variants(job_id))

    @extend_schema(
        summary="A job's stored events",
        description=f"For clients without sockets, in the order of `seq`; at most {MOST_EVENTS:,}, then the `Link`"
        " header leads on.",
        parameters=[
            OpenApiParameter(
                "after",
                {"type": "integer", "minimum": 0, "maximum": MOST_WHOLE, "default": 0},
                description="The last `seq` known.",
            ),
            OpenApiParameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": MOST_EVENTS}
            ),
        ],
        responses={200: EVENTS_SCHEMA},
    )
    def events(self, request: Request, job_id: UUID) -> HttpResponse:
        """The events, as the very text that the stream sends."""
        after = parse_after(request)
        limit = parse_limit(request.query_params.get("limit", ""), default=MOST_EVENTS, most=MOST_EVENTS)
        get_job(job_id)
        found = event_texts(job_id, after=after, limit=limit + 1)
        answer = HttpResponse(
            f"[{','.join(text for _, text in found[:limit])}]", content_type="application/json"
        )
        if len(found) > limit:
            answer["Link"] = next_link(request, after=str(found[limit - 1][0]))
        return answer

    @extend_schema(
        summary="Cancel a job",
        description="What has not started never starts, what is under way ends at its next step. Idempotent.",
        request=None,
        responses={200: JobSerializer},
    )
    def cancel(self, request: Request, job_id: UUID) -> Response:
        """The job, cancelled."""
        get_job(job_id)
        services.cancel_job(job_id=job_id)
        return job_answer(get_job_with_variants(job_id))

    @extend_schema(
        summary="Try the failed variants again",
        description="A new job (`retryOf`) of the variants that failed or were cancelled.",
        request=JobRetryInSerializer,
        responses={202: JobSubmittedSerializer, **CONFLICT},
        parameters=[LOCATION],
    )
    def retry(self, request: Request, job_id: UUID) -> Response:
        """A new job of what failed."""
        job = get_job(job_id)
        given = JobRetryInSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        again = intake.retry_job(
            job=job, session_id=given.validated_data.get("sessionId"), owner=owner_of(request)
        )
        return submitted(again)


class VariantViewSet(ApiMixin, ViewSet):
    """One image asked of one provider."""

    @extend_schema(
        summary="Keep a near-duplicate",
        description="The progression of a variant that was skipped as a near-duplicate.",
        request=None,
        responses={201: ProgressionSerializer, 200: ProgressionSerializer, **CONFLICT},
    )
    def keep(self, request: Request, variant_id: UUID) -> Response:
        """201 with the progression made of it, 200 where it was kept already."""
        progression, is_new = services.keep_variant(variant_id=variant_id)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(ProgressionSerializer(progression).data, status=code)
