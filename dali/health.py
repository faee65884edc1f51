"""Whether this process can serve: `GET /healthz`, for load balancers."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from structlog import get_logger

_log = get_logger(__name__)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 where the database answers, else 503. The queue is not asked: work waits in rows until it is back."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        _log.warning("unhealthy", reason=str(error)[:300])
        return JsonResponse(
            {"status": "unavailable", "database": "unreachable"}, status=503, headers={"Retry-After": "5"}
        )
    return JsonResponse({"status": "ok", "database": "ok"}, headers={"Cache-Control": "no-store"})
