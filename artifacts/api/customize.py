"""The route of the Artifact Agent."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from artifacts.agent import turns
from artifacts.agent.pages import page_of
from artifacts.api.customize_requests import CustomizeInSerializer, CustomizeSerializer
from artifacts.queries import get_artifact
from dali.lib.web.api import ApiMixin
from dali.lib.web.schema.views import ErrorSerializer
from progressions.api.throttles import RateThrottle
from projects.authentication import ApiKeyAuthentication, StaffAuthentication


class CustomizeThrottle(RateThrottle):
    """At most `DALI_CUSTOMIZE_RATE` messages per client address."""

    group = "customize"
    setting = "CUSTOMIZE_RATE"


class CuratorAuthentication(StaffAuthentication):
    """Staff who may change artifacts, so that the studio page can use the API."""

    permission = "artifacts.change_artifact"


class CustomizeViewSet(ApiMixin, ViewSet):
    """Fills a template by chat."""

    authentication_classes = (ApiKeyAuthentication, CuratorAuthentication)
    throttle_classes = (CustomizeThrottle,)

    @extend_schema(
        summary="Send a message to the Artifact Agent",
        description="The answer to a session's first message greets and asks for the first placeholder. "
        "Events go to the stream of `sessionId`: `progress` for each choice, `complete` when the page is ready.",
        request=CustomizeInSerializer,
        responses={200: CustomizeSerializer, 409: ErrorSerializer},
    )
    def create(self, request: Request, artifact_id: UUID) -> Response:
        """The agent's reply, what is filled and what is left."""
        artifact = get_artifact(artifact_id)
        sent = self.read(CustomizeInSerializer)
        try:
            answer = turns.take_turn(
                artifact=artifact,
                page=page_of(artifact),
                session_id=sent.validated_data["sessionId"],
                message=sent.validated_data.get("input") or "",
            )
        except turns.BusyError as error:
            raise Throttled(error.retry_after_s, str(error)) from error
        return Response(answer)
