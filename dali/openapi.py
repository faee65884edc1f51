"""The OpenAPI document and its documentation page; both work offline."""

from typing import Any

from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from artifacts.publishing.schema import public_components, public_paths
from dali.lib.web.api import ApiMixin
from dali.lib.web.schema.views import Schema, with_rules
from dali.lib.web.streams.endless import HEALTH, READY
from progressions.stream.schema import event_components, stream_paths

_JSON = "application/json"


@extend_schema_view(
    get=extend_schema(
        summary="This document",
        description="OpenAPI 3.1; YAML for `Accept: application/vnd.oai.openapi`.",
        parameters=[OpenApiParameter("lang", exclude=True)],
        responses={
            (200, media_type): OpenApiTypes.OBJECT
            for media_type in (_JSON, "application/vnd.oai.openapi+json", "application/vnd.oai.openapi")
        },
    )
)
class ApiSchemaView(ApiMixin, SpectacularAPIView):
    """`GET /api/schema`: OpenAPI 3.1 as JSON; as YAML for `Accept: application/vnd.oai.openapi`."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer]


@extend_schema_view(
    get=extend_schema(
        summary="Interactive API documentation",
        responses={(200, "text/html"): OpenApiTypes.STR},
        exclude=False,
    )
)
class ApiDocsView(ApiMixin, SpectacularSwaggerSplitView):
    """`GET /api/docs`: the interactive documentation. Its script and style are served by this server."""

    template_name = "drf_spectacular/offline_swagger_ui.html"

    def handle_exception(self, exc: Exception) -> Response:
        """Errors are JSON in the API's error format, not pages."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


def complete(result: Schema, **about: Any) -> Schema:
    """Adds the routes that are answered outside Django's views, and their schemas.

    drf-spectacular calls this with the finished document.
    """
    result["paths"] |= stream_paths() | public_paths() | _health_paths()
    result["paths"] = dict(sorted(result["paths"].items()))
    schemas = with_rules(result["components"]["schemas"])
    result["components"]["schemas"] = schemas | event_components() | public_components()
    return result


def _health_paths() -> dict[str, Any]:
    check = {
        "type": "object",
        "required": ["name", "ok", "ms"],
        "properties": {
            "name": {"type": "string"},
            "ok": {"type": "boolean"},
            "ms": {"type": "integer", "minimum": 0},
            "error": {"type": "string", "description": "What failed; never contains a setting or a path."},
        },
    }
    ready = {
        "type": "object",
        "required": ["ready", "checks"],
        "properties": {"ready": {"type": "boolean"}, "checks": {"type": "array", "items": check}},
    }
    alive = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
    wait = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return {
        HEALTH: _health(
            "healthz_retrieve",
            "Whether the process is alive; checks nothing else",
            {"200": {"description": "It lives.", "content": {_JSON: {"schema": alive}}}},
        ),
        READY: _health(
            "readyz_retrieve",
            "Whether all dependencies of requests can be reached",
            {
                "200": {"description": "All checks pass.", "content": {_JSON: {"schema": ready}}},
                "503": {
                    "description": "A check fails.",
                    "headers": wait,
                    "content": {_JSON: {"schema": ready}},
                },
            },
        ),
    }


def _health(operation_id: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    operation = {
        "operationId": operation_id,
        "summary": summary,
        "tags": ["health"],
        "security": [{}],
        "responses": responses,
    }
    return {"get": operation}
