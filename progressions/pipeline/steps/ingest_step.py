"""The `ingest` step of a job: its start image and mask are fetched and stored, once for all variants."""

from datetime import timedelta

import structlog
from django.db import transaction

from dali.lib.db import connections
from dali.lib.db.errors import classify
from dali.lib.errors import UnavailableError
from progressions.enums import Code, VariantStatus
from progressions.errors import DeliveryError, LeaseLostError, StartImageError
from progressions.models import Job, Variant
from progressions.pipeline import writes
from progressions.pipeline.ingest import Ingested, ingest_images
from progressions.pipeline.run import INTERNAL_ERROR, STORAGE_PAUSE_S, pause_after_s
from progressions.work import leases, wakeups
from progressions.work.steps import Journal, StepRecord

log = structlog.get_logger(__name__)

ATTEMPTS = 4  # after errors that nothing explains


def run_ingest(lease: leases.Lease, job: Job) -> None:
    """Fetches and stores the images, or decides whether to try again later or to fail the whole job."""
    journal = Journal(lease, job.session_id)
    try:
        journal.run("ingest", lambda: ingest_images(job), keep=_keep)
    except StartImageError as error:
        _fail(lease, job, error.code, str(error), is_retryable=False)
    except LeaseLostError:
        raise
    except UnavailableError as error:
        if isinstance(error, DeliveryError) and error.code is not None:
            _fail(lease, job, error.code, error.public_message, is_retryable=False)
        else:
            _try_later(lease, error, journal.failures("ingest", type(error).__name__))
    except Exception as error:  # noqa: BLE001 - an unexpected error in one job must not affect others
        if classify(error) is not None:
            raise
        log.exception("ingest_broke")
        failures = journal.failures("ingest", type(error).__name__)
        if failures >= ATTEMPTS:
            _fail(lease, job, Code.INTERNAL, INTERNAL_ERROR, is_retryable=True)
        else:
            _try_later(lease, error, failures)


def _try_later(lease: leases.Lease, error: Exception, failures: int) -> None:
    pause_s = pause_after_s(error, failures, STORAGE_PAUSE_S)
    again = connections.now() + timedelta(seconds=pause_s)
    with leases.fenced(lease, lease_until=None, not_before=again, nudged_at=None):
        wakeups.wake_after(pause_s)


def _keep(found: Ingested) -> StepRecord:
    fields = {
        "ingest": Job.Ingest.DONE,
        "start_image_key": found.start_key,
        "start_image_delivery": found.start_delivery,
        "mask_key": found.mask_key,
    }
    result = {"key": found.start_key, "width": found.width, "height": found.height, "mask": found.mask_key}
    return StepRecord(result, fields)


def _fail(lease: leases.Lease, job: Job, code: Code, error: str, *, is_retryable: bool) -> None:
    ending = writes.Ending(VariantStatus.FAILED, code.value, error, is_retryable)
    with transaction.atomic():
        # Variants before their job: the lock order everywhere.
        variants = list(Variant.objects.select_for_update(no_key=True).filter(job=job).order_by("number"))
        with leases.fenced(lease):
            writes.end_all(job, variants, ending)
