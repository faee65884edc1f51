"""The file of a form, kept in memory; one that is too large is refused while it is read."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from dali.lib.errors import InputError
from dali.lib.web.input.strict_json import TooLargeError

# What a multipart body holds besides the file: borders and headers.
FRAME_BYTES = 64 * 1024
MOST_DIGITS = 18  # of a length that a client announces


class FormParser(MultiPartParser):
    """Parses a multipart body. Raises ParseError with a readable message."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The parts."""
        try:
            return super().parse(stream, media_type, parser_context)
        except ParseError as error:
            raise ParseError(
                "The form cannot be read; send multipart/form-data with a boundary, and the file as the part `file`."
            ) from error


class LimitedUploadHandler(MemoryFileUploadHandler):
    """Keeps a file in memory and stops at the first byte over the limit."""

    def __init__(self, request: Any, most_bytes: int, cure: str) -> None:
        super().__init__(request)
        self._most_bytes, self._cure = most_bytes, cure
        self._total = 0

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Called before anything is parsed. Memory is used whatever the length: the limit is checked below."""
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Counts all files of the form together."""
        self._total += len(raw_data)
        if self._total > self._most_bytes:
            raise _too_large(self._most_bytes, self._cure)
        super().receive_data_chunk(raw_data, start)


def _too_large(most_bytes: int, cure: str) -> TooLargeError:
    return TooLargeError(f"The file is larger than {most_bytes:,} bytes; {cure}.")


def file_of(request: Request, *, what: str, most_bytes: int, cure: str) -> UploadedFile[Any]:
    """The part `file` of a multipart body. `what` it should be and the `cure` for one too large are for messages.

    Raises TooLargeError as soon as one byte too many has been read, InputError if the part is missing.
    """
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    if len(announced) > MOST_DIGITS or (announced.isdecimal() and int(announced) > most_bytes + FRAME_BYTES):
        raise _too_large(most_bytes, cure)
    request._request.upload_handlers = [LimitedUploadHandler(request._request, most_bytes, cure)]
    file: UploadedFile[Any] | None = request.FILES.get("file") if request.content_type else None
    if file is None:
        raise InputError("file", f"file is missing; send {what} as the part `file` of multipart/form-data")
    return file
