"""The routes around jobs: uploads, providers, tickets for the stream."""

from typing import Any, cast

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from dali.lib.api import ApiMixin
from dali.lib.errors import InputError
from dali.lib.images import InvalidImageError
from dali.lib.strict_json import TooLargeError
from progressions.ingest import receive_upload
from progressions.models import Upload
from progressions.provider import providers
from progressions.requests import SessionIdField
from progressions.tickets import issue_ticket
from progressions.upload_serializers import ProviderSerializer, TicketSerializer, UploadSerializer
from projects.authentication import ApiKeyAuthentication, StaffAuthentication, owner_of

# What a multipart body holds besides the file: borders and headers.
FRAME_BYTES = 64 * 1024


class FileInSerializer(serializers.Serializer[Any]):
    """A form with one file."""

    file = serializers.FileField(help_text="PNG, JPEG, WebP, GIF, BMP or TIFF.")


class LimitedUploadHandler(MemoryFileUploadHandler):
    """Keeps a file in memory and stops at the first byte over the limit."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._total = 0

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Called before anything is parsed. In memory whatever the length says: the limit is counted below."""
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Counts all files of the form together."""
        self._total += len(raw_data)
        if self._total > settings.MAX_IMAGE_BYTES:
            raise _too_large()
        super().receive_data_chunk(raw_data, start)


def _too_large() -> TooLargeError:
    return TooLargeError(f"The file is larger than {settings.MAX_IMAGE_BYTES:,} bytes; send a smaller image.")


class UploadViewSet(ApiMixin, GenericViewSet[Upload]):
    """Images that clients send."""

    queryset = Upload.objects.all()
    serializer_class = UploadSerializer
    parser_classes = [MultiPartParser]

    @extend_schema(
        summary="Upload an image",
        description="The `url` of the answer opens, and serves as `startImageUrl` or `maskImageUrl`.",
        request={"multipart/form-data": FileInSerializer},
        responses={201: UploadSerializer},
    )
    def create(self, request: Request) -> Response:
        """The upload."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_IMAGE_BYTES + FRAME_BYTES:
            raise _too_large()
        request._request.upload_handlers = [LimitedUploadHandler(request._request)]
        file = request.FILES.get("file") if request.content_type else None
        if file is None:
            raise InputError(
                "file", "file is missing; send the image as the part `file` of multipart/form-data"
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
        """Every provider, with what it takes and whether it can be called."""
        return Response(ProviderSerializer(cast(Any, providers.all()), many=True).data)


class TicketViewSet(ApiMixin, ViewSet):
    """What a browser opens a stream with; pages of staff too."""

    authentication_classes = (ApiKeyAuthentication, StaffAuthentication)

    @extend_schema(
        summary="A ticket for a stream",
        description="Where a key is asked for on reads, a browser opens `/api/stream/{session_id}` with `?ticket=`:"
        " it cannot send a header with a WebSocket. Good for 60 seconds and that session.",
        request=None,
        responses={201: TicketSerializer},
    )
    def create(self, request: Request, session_id: str) -> Response:
        """The ticket and until when it is good."""
        try:
            SessionIdField().run_validation(session_id)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"sessionId": error.detail}) from error
        ticket, expires_at = issue_ticket(session_id)
        body = TicketSerializer({"ticket": ticket, "expiresAt": expires_at}).data
        return Response(body, status=status.HTTP_201_CREATED)
