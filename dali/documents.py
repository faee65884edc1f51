"""The OpenAPI document and the page that shows it, both without anything from elsewhere."""

from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from dali.lib.api import ApiMixin


class ApiSchemaView(ApiMixin, SpectacularAPIView):
    """`GET /api/schema`: OpenAPI 3.1, as JSON; as YAML to whom asks for `application/vnd.oai.openapi`."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer]


class ApiDocsView(ApiMixin, SpectacularSwaggerSplitView):
    """`GET /api/docs`: the document, to read and to try. Script and style are files of this server."""

    template_name = "drf_spectacular/offline_swagger_ui.html"

    def handle_exception(self, exc: Exception) -> Response:
        """An error is no page: it has the API's shape."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)
