"""The routes of uploads, providers and stream tickets."""

from typing import Any, cast

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from dali.lib.errors import InputError
from dali.lib.files import disk
from dali.lib.pictures.files import MEDIA_TYPES
from dali.lib.pictures.images import InvalidImageError
from dali.lib.web.api import ApiMixin
from dali.lib.web.input.form_files import FormParser, file_of
from progressions.api.upload_serializers import ProviderSerializer, TicketSerializer, UploadSerializer
from progressions.enums import SESSION_ID
from progressions.models import Upload
from progressions.pipeline.ingest import receive_upload
from progressions.pipeline.intake.body import SessionIdField
from progressions.provider import providers
from progressions.stream.tickets import issue_ticket
from projects.authentication import ApiKeyAuthentication, StaffAuthentication, owner_of


class FileInSerializer(serializers.Serializer[Any]):
    """A form with one file."""

    file = serializers.FileField(help_text="PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF.")


class UploadViewSet(ApiMixin, GenericViewSet[Upload]):
    """Images that clients send."""

    queryset = Upload.objects.all()
    serializer_class = UploadSerializer
    parser_classes = [FormParser]

    @extend_schema(
        summary="Upload an image",
        description="Use the `url` of the answer as `startImageUrl` or `maskImageUrl`.",
        request={
            "multipart/form-data": OpenApiRequest(
                FileInSerializer, encoding={"file": {"contentType": ", ".join(MEDIA_TYPES)}}
            )
        },
        responses={201: UploadSerializer},
    )
    def create(self, request: Request) -> Response:
        """The upload."""
        disk.refuse_where_short()
        file = file_of(
            request, what="the image", most_bytes=settings.MAX_IMAGE_BYTES, cure="send a smaller image"
        )
        try:
            upload = receive_upload(file.read(), owner_of(request))
        except InvalidImageError as error:
            raise InputError("file", str(error)) from error
        return Response(UploadSerializer(upload).data, status=status.HTTP_201_CREATED)


class ProviderViewSet(ApiMixin, ViewSet):
    """Image services."""

    @extend_schema(summary="List the providers", responses={200: ProviderSerializer(many=True)})
    def list(self, request: Request) -> Response:
        """All providers, with what they accept and whether they are configured."""
        return Response(ProviderSerializer(cast(Any, providers.all()), many=True).data)


class TicketViewSet(ApiMixin, ViewSet):
    """Tickets with which browsers open streams; staff pages use them too."""

    authentication_classes = (ApiKeyAuthentication, StaffAuthentication)

    @extend_schema(
        summary="Get a ticket for a stream",
        description="If reads need a key, a browser opens `/api/stream/{session_id}` with `?ticket=`, since it cannot"
        " send a header with a WebSocket. Valid for this session, for 60 seconds.",
        request=None,
        parameters=[
            OpenApiParameter(
                "session_id", {"type": "string", "pattern": f"^{SESSION_ID}$"}, OpenApiParameter.PATH
            )
        ],
        responses={201: TicketSerializer},
    )
    def create(self, request: Request, session_id: str) -> Response:
        """The ticket and when it expires."""
        try:
            SessionIdField().run_validation(session_id)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"sessionId": error.detail}) from error
        self.read_nothing()
        ticket, expires_at = issue_ticket(session_id)
        body = TicketSerializer({"ticket": ticket, "expiresAt": expires_at}).data
        return Response(body, status=status.HTTP_201_CREATED)
