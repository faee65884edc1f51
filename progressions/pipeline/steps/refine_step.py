"""The `refine` step: the provider's tips are worked into the prompt, and the variant is announced as running."""

from django.conf import settings
from django.utils import timezone

from knowledgebase.queries import tips_for
from progressions.enums import JobStatus
from progressions.models import Job
from progressions.pipeline.rewrite import Refinement, refine_prompt
from progressions.pipeline.run import Run
from progressions.stream import events
from progressions.stream.event_types import AppliedTip, VariantRunningEvent
from progressions.work import leases
from progressions.work.steps import StepRecord


def refine(run: Run) -> None:
    """Refines the prompt and starts the job, if this is its first variant."""
    variant, job = run.variant, run.job

    def work() -> Refinement:
        if settings.REFINER == "model":
            leases.hold(run.lease, settings.REFINER_TIMEOUT_S + leases.STEP_LIMIT_S)
        return refine_prompt(variant, job.prompt, tips_for(variant.provider))

    def keep(refined: Refinement) -> StepRecord:
        tips: list[AppliedTip] = [{"key": tip.key, "addition": tip.addition} for tip in refined.tips]
        variant.refined_prompt, variant.tips = refined.prompt, tips
        fields = {
            "refined_prompt": refined.prompt,
            "tips": tips,
            "started_at": timezone.now(),
            "progress": run.step.progress,
        }

        def start_job() -> None:
            if job.status == JobStatus.QUEUED:
                Job.objects.filter(id=job.id, status=JobStatus.QUEUED).update(status=JobStatus.RUNNING)

        running: VariantRunningEvent = {
            "type": "running",
            **events.of_variant(variant),
            "refinedPrompt": refined.prompt,
            "tips": tips,
        }
        told: list[events.Body] = [running, run.done_body()]
        return StepRecord(refined.record(), fields, start_job, lambda: told)

    run.journal.run("refine", work, keep=keep)
