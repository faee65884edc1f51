"""Long builds: a worker claims one, builds it and reports its progress."""

import math
import time
from collections.abc import Callable
from uuid import UUID

import structlog
from django.db import OperationalError

from artifacts.making import building, services
from artifacts.models import Artifact
from dali.lib.db.errors import classify
from dali.lib.errors import DaliError, UnavailableError
from progressions.errors import LeaseLostError
from progressions.work import leases

log = structlog.get_logger(__name__)

# Progress is reported at most this often.
PROGRESS_S = 0.3


def build_waiting(artifact_id: UUID) -> bool:
    """Builds the artifact if it waits for that; False if it does not, or another process builds it."""
    if leases.is_stopping():
        return False
    lease = leases.claim(services.due_builds().filter(id=artifact_id), services.LONGEST_S)
    if lease is None:
        return False
    with leases.working(lease):
        artifact = Artifact.objects.get(id=artifact_id)
        with structlog.contextvars.bound_contextvars(
            artifactId=str(artifact.id), sessionId=artifact.session_id
        ):
            _run(artifact, lease)
    return True


def _run(artifact: Artifact, lease: leases.Lease) -> None:
    error = ""
    try:
        built = building.build(artifact, _reporter(artifact, lease))
    except LeaseLostError:
        raise
    except UnavailableError as failure:
        log.error("artifact_not_built", reason=str(failure)[:1000])  # noqa: TRY400 - no fault of the code
        services.put_off(artifact, lease)
        return
    except DaliError as failure:
        error = failure.public_message
    except Exception as failure:  # noqa: BLE001 - the edge: an error in one artifact ends only that build
        if classify(failure) is not None:
            raise
        log.exception("artifact_broke")
        error = "Something went wrong inside Dali; the log has the details."
    with leases.fenced(lease, lease_until=None):
        if error:
            services.fail(artifact, error)
        else:
            services.finish(artifact, built)


def _reporter(artifact: Artifact, lease: leases.Lease) -> Callable[[float], None]:
    """Reports how far the build is, a few times a second however often it is called."""
    told_at = -math.inf

    def report(done: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < PROGRESS_S:
            return
        told_at = time.monotonic()
        try:
            with leases.fenced(lease):
                services.tell(artifact, "progress", done)
        except OperationalError as error:
            log.warning("progress_not_told", error=type(error).__name__)

    return report
