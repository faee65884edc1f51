"""Answers that several routes share: a job with its steps, a submission."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.response import Response

from dali.lib.web.addresses import absolute_url
from dali.lib.web.api import ApiMixin
from dali.lib.web.input.bodies import BodySerializer
from progressions.api import serializers
from progressions.models import Job
from progressions.money.ledger import spent_by_jobs
from progressions.queries import get_job_with_variants, get_variant, steps_by_owner
from progressions.work.idempotency import KEPT, KEY_PATTERN, KeptRequest


def job_answer(job: Job) -> Response:
    """The job with its variants (prefetched) and their steps and costs: two queries."""
    steps = steps_by_owner([job.pk, *(variant.pk for variant in job.variants.all())])
    context = {serializers.STEPS_CONTEXT: steps, serializers.SPENT_CONTEXT: spent_by_jobs([job.pk])}
    return Response(serializers.JobSerializer(job, context=context).data)


def submitted(job_id: UUID) -> Response:
    """202 with the URL of the job. Raises MissingError."""
    body = serializers.JobSubmittedSerializer(get_job_with_variants(job_id)).data
    headers = {"Location": absolute_url(f"/api/jobs/{job_id}")}
    return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


def variant_answer(variant_id: UUID) -> Response:
    """One variant as in its job. Raises MissingError."""
    variant = get_variant(variant_id)
    context = {serializers.STEPS_CONTEXT: steps_by_owner([variant.pk])}
    return Response(serializers.OneVariantSerializer(variant, context=context).data)


def replayed(answer: Response) -> Response:
    """Marks the answer as that of an earlier request."""
    answer["Idempotent-Replayed"] = "true"
    return answer


def submitted_again(view: ApiMixin, body: type[BodySerializer[Any]]) -> Callable[[KeptRequest], Response]:
    """The function that answers a repeated submission, whose body is read as `body`."""

    def again(kept: KeptRequest) -> Response:
        view.warn_of_ignored(body)
        return replayed(submitted(kept.made_id))

    return again


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description=f"A request with the same key and body is done once; keys are kept for {KEPT.days} days. The same"
    " key with another body: 422.",
)


def replay_header(*codes: int) -> OpenApiParameter:
    """The header of answers with these codes if the key was known."""
    return OpenApiParameter(
        "Idempotent-Replayed",
        {"type": "string", "enum": ["true"]},
        OpenApiParameter.HEADER,
        description="Present if the key was used before.",
        response=list(codes),
    )
