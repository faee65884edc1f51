"""Runs a claimed row: a job's `ingest` step, or the steps of a variant in the order of `steps.table.STEPS`.

Who decides what:

- `steps.table` decides the order of the steps and the progress that each one reports.
- A step decides what its outcome means: `ingest_step` and `deliver_step` whether to try again later, `generate_step`
  and `attempts` whether to call the provider again, `dedupe_step` whether the image is a duplicate, `judge_step`
  what a failed judge leads to. A step that ends or postpones the variant raises EndedError.
- This module decides what happens to the row after errors that no step handled: a lost lease, a storage or a database
  that is unavailable, a bug.

Every outside effect is a tool (progressions.pipeline.tools). The step journal (progressions.work.steps) makes sure that
a step that succeeded is never run again.
"""

from contextlib import suppress
from functools import partial

import structlog
from django.utils import timezone

from dali.lib.db.errors import classify
from dali.lib.errors import UnavailableError
from progressions.enums import Code
from progressions.errors import LeaseLostError
from progressions.models import Job, Variant
from progressions.pipeline.run import INTERNAL_ERROR, STORAGE_PAUSE_S, EndedError, Run
from progressions.pipeline.steps.ingest_step import run_ingest
from progressions.pipeline.steps.table import STEPS
from progressions.work import leases

log = structlog.get_logger(__name__)

STORAGE_AWAY = "The image storage is unavailable at the moment; Dali continues when it is back."


def run_lease(lease: leases.Lease) -> None:
    """Does the work of a claimed row, as far as possible. Afterwards its lease and provider slot are always free."""
    with leases.working(lease), suppress(EndedError):
        if lease.model is Variant:
            variant = Variant.objects.select_related("job").get(id=lease.id)
            work, job = partial(_run_variant, lease, variant), variant.job
        else:
            job = Job.objects.get(id=lease.id)
            work = partial(run_ingest, lease, job)
        with structlog.contextvars.bound_contextvars(jobId=str(job.id), sessionId=job.session_id):
            work()


def _run_variant(lease: leases.Lease, variant: Variant) -> None:
    with structlog.contextvars.bound_contextvars(provider=variant.provider, variantIndex=variant.index):
        run, started_at = Run(lease, variant), timezone.now()
        try:
            if run.job.cancel_requested_at is not None:
                run.end_if_cancelled()
            for step in STEPS:
                run.step = step
                step.do(run)
        except (EndedError, LeaseLostError):
            raise
        except UnavailableError as error:
            run.wait_for("store", error, since=started_at, reason=STORAGE_AWAY, longest_s=STORAGE_PAUSE_S)
        except Exception as error:  # noqa: BLE001 - an unexpected error in one variant must not affect others
            if classify(error) is not None:
                raise
            log.exception("variant_broke")
            run.fail(Code.INTERNAL, INTERNAL_ERROR, is_retryable=False)
