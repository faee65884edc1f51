"""Answers that several routes give: a job with its steps, a submission."""

from rest_framework import status
from rest_framework.response import Response

from dali.lib.addresses import absolute_url
from progressions.ledger import spent_by_jobs
from progressions.models import Job
from progressions.queries import get_job_with_variants, steps_by_owner
from progressions.serializers import SPENT_CONTEXT, STEPS_CONTEXT, JobSerializer, JobSubmittedSerializer


def job_answer(job: Job) -> Response:
    """The job with its variants (prefetched) and their steps and costs: two queries."""
    steps = steps_by_owner([job.pk, *(variant.pk for variant in job.variants.all())])
    context = {STEPS_CONTEXT: steps, SPENT_CONTEXT: spent_by_jobs([job.pk])}
    return Response(JobSerializer(job, context=context).data)


def submitted(job: Job, *, is_replayed: bool = False) -> Response:
    """202, and where the job is to be asked for."""
    headers = {"Location": absolute_url(f"/api/jobs/{job.pk}")}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    body = JobSubmittedSerializer(get_job_with_variants(job.pk)).data
    return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)
