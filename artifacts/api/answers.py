"""The owner's routes for a page's answers: results, export, closing and opening."""

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from artifacts.api.answer_serializers import ResultsSerializer, TableSerializer
from artifacts.api.serializers import ArtifactSerializer
from artifacts.boards import services
from artifacts.boards.export import table_of
from artifacts.boards.results import results_of
from artifacts.queries import get_artifact
from dali.lib.files.csv_files import MEDIA_TYPE
from dali.lib.web.api import ApiMixin
from dali.lib.web.schema.views import ErrorSerializer
from projects.authentication import KeyAlwaysRequired

_CHANGED = {200: ArtifactSerializer, 409: ErrorSerializer}


class AnswersViewSet(ApiMixin, ViewSet):
    """The answers on an artifact's page. Reading needs a key too, because it shows hidden comments."""

    permission_classes = (KeyAlwaysRequired,)

    @extend_schema(summary="The answers of visitors", responses={200: ResultsSerializer})
    def results(self, request: Request, artifact_id: UUID) -> Response:
        """Vote counts and the newest 5,000 comments, including hidden ones."""
        return Response(ResultsSerializer(results_of(get_artifact(artifact_id))).data)

    @extend_schema(
        summary="The answers of visitors, as CSV",
        parameters=[TableSerializer],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def export(self, request: Request, artifact_id: UUID) -> HttpResponse:
        """A table for spreadsheets; no cell is read as a formula."""
        artifact = get_artifact(artifact_id)
        table = TableSerializer.read(request).get("table", "answers")
        answer = HttpResponse(table_of(artifact, table), content_type=MEDIA_TYPE)
        answer["Content-Disposition"] = f'attachment; filename="{table}-{artifact.public_slug}.csv"'
        answer["Cache-Control"] = "no-store"
        return answer

    @extend_schema(
        summary="Take no more votes and comments",
        description="The page still shows its answers. 409 for a page that takes no answers.",
        request=None,
        responses=_CHANGED,
    )
    def close(self, request: Request, artifact_id: UUID) -> Response:
        """The artifact, closed."""
        return self._set_closed(artifact_id, is_closed=True)

    @extend_schema(summary="Take votes and comments again", request=None, responses=_CHANGED)
    def reopen(self, request: Request, artifact_id: UUID) -> Response:
        """The artifact, open."""
        return self._set_closed(artifact_id, is_closed=False)

    def _set_closed(self, artifact_id: UUID, *, is_closed: bool) -> Response:
        self.read_nothing()
        services.set_closed(artifact=get_artifact(artifact_id), is_closed=is_closed)
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)
