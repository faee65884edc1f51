"""Long builds: one that nobody holds is claimed, made and told of."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db import Error as DatabaseFailure

from artifacts.making import building, services
from artifacts.models import Artifact
from dali.lib.db.errors import classify
from dali.lib.errors import DaliError, UnavailableError

log = structlog.get_logger(__name__)

# Progress is told at most that often.
PROGRESS_S = 0.3
# A build is held only so long: one that hangs loses its row.
LONGEST_S = 1800.0


def build_next(artifact_id: UUID | None = None) -> bool:
    """Makes the artifact named, else the one waiting longest; False where nothing waits."""
    artifact = services.claim_build(artifact_id=artifact_id)
    if artifact is None:
        return False
    with structlog.contextvars.bound_contextvars(artifactId=str(artifact.id), sessionId=artifact.session_id):
        try:
            _run(artifact)
        except services.BuildLostError:
            log.info("build_lost")
        except DatabaseFailure as error:
            if classify(error) is None:
                raise
            # The lease ends by itself, and the sweep sends for another attempt.
            log.warning("database_failed", error=str(error)[:500])
    return True


def _run(artifact: Artifact) -> None:
    error = ""
    try:
        with _held(artifact):
            built = building.build(artifact, _reporter(artifact))
    except services.BuildLostError:
        raise
    except UnavailableError as failure:
        log.error("artifact_not_built", reason=str(failure)[:1000])  # noqa: TRY400 - no fault of the code
        services.put_off(artifact)
        return
    except DaliError as failure:
        error = failure.public_message
    except Exception as failure:  # noqa: BLE001 - the edge: one artifact's accident ends that build
        if classify(failure) is not None:
            raise
        log.exception("artifact_broke")
        error = "Something went wrong inside Dali; the log has the details."
    with transaction.atomic():
        services.renew(artifact)
        if error:
            services.fail(artifact, error)
        else:
            services.finish(artifact, built)


def _reporter(artifact: Artifact) -> Callable[[float], None]:
    """Tells how far the build is, a few times a second however often it is called."""
    told_at = -math.inf

    def report(done: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < PROGRESS_S:
            return
        told_at = time.monotonic()
        try:
            with transaction.atomic():
                services.renew(artifact)
                services.tell(artifact, "progress", done)
        except OperationalError as error:
            log.warning("progress_not_told", error=type(error).__name__)

    return report


@contextmanager
def _held(artifact: Artifact) -> Iterator[None]:
    """Renews the lease while the build says nothing: one picture may take long, and so may storing the file."""
    is_over = threading.Event()

    def keep() -> None:
        until = time.monotonic() + LONGEST_S
        try:
            while not is_over.wait(services.LEASE_S / 4) and time.monotonic() < until:
                _renewed(artifact)
        finally:
            connection.close()

    keeper = threading.Thread(target=keep, name="build-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def _renewed(artifact: Artifact) -> None:
    try:
        services.renew(artifact)
    except services.BuildLostError:
        pass  # the build itself learns of it with its next report
    except DatabaseError as error:
        log.warning("build_not_renewed", error=type(error).__name__)
