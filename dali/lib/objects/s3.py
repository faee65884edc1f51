"""The write-once storage in a bucket of an S3 server such as R2."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from storages.backends.s3 import S3Storage  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError

from dali.lib.calls.circuit_breaker import CircuitBreaker
from dali.lib.clock import Deadline
from dali.lib.errors import UnavailableError
from dali.lib.files.folders import UNREACHABLE
from dali.lib.objects.notes import note_text, parse_note
from dali.lib.objects.s3_client import CONFIG, make_client
from dali.lib.objects.storage import STREAM_BYTES, WriteOnceStorage, check_key

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

T = TypeVar("T")

_CLIENT_LOCK = threading.Lock()
_NOTE = "dali-note"  # the object's metadata `x-amz-meta-dali-note`
# Failures other than a refusal: connections, timeouts, answers cut short or without valid XML.
_FAILURES = (BotoCoreError, ResponseParserError, HTTPError, OSError)
# Worth another attempt. 409: another write of this key is running and may still fail.
_PASSING = frozenset(
    {
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_PAUSES_S = (0.1, 0.4, 1.6)
# Bodies are read in ranges of at most this size, or smaller when there are many readers.
RANGE_BYTES = 1024 * 1024
LEAST_RANGE_BYTES = 64 * 1024
# Memory for all ranges that readers have not taken yet; each may have LEAST_RANGE_BYTES in any case.
RANGES_BYTES = 32 * 1024 * 1024


class _Ranges:
    """Shares memory among the readers of a process: a range gets at most an eighth of what is left."""

    def __init__(self, total_bytes: int) -> None:
        self._lock = threading.Lock()
        self._left_bytes = total_bytes

    @contextmanager
    def reserve(self, most_bytes: int) -> Iterator[int]:
        """How many bytes the block may hold: `most_bytes` or fewer."""
        with self._lock:
            size = min(most_bytes, max(LEAST_RANGE_BYTES, self._left_bytes // 8))
            self._left_bytes -= size
        try:
            yield size
        finally:
            with self._lock:
                self._left_bytes += size


_ranges = _Ranges(RANGES_BYTES)


class S3WriteOnceStorage(WriteOnceStorage, S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Objects of a bucket, put with `If-None-Match: *`, which R2 and S3 support (dali.lib.objects.probe tests it).

    The option `object_parameters` is sent with each object, such as `{"CacheControl": ...}`. `breaker` limits how long
    calls take; `pauses_s` are the pauses before a failed call is repeated.
    All threads share one client and its connections, because making a client takes 100 ms of CPU.
    """

    def __init__(
        self,
        *,
        breaker: CircuitBreaker | None = None,
        pauses_s: tuple[float, ...] = _PAUSES_S,
        **options: Any,
    ) -> None:
        endpoint = options.get("endpoint_url")
        options.setdefault("region_name", "auto" if endpoint else None)
        options.setdefault("client_config", CONFIG)
        super().__init__(**{**options, "default_acl": None, "file_overwrite": False})
        self._client: S3Client | None = None
        self._breaker = breaker or _breaker_for(endpoint)
        self._pauses_s = pauses_s

    @property
    def client(self) -> "S3Client":
        """The client, made when it is first used."""
        if self._client is None:
            with _CLIENT_LOCK:  # making clients is not thread-safe
                if self._client is None:
                    self._client = self._make_client()
        return self._client

    def put_once(
        self, key: str, content: bytes, *, media_type: str, note: Mapping[str, object] | None = None
    ) -> bool:
        """See WriteOnceStorage. The note is metadata of the object: one request writes both."""
        text = None if note is None else note_text(note)
        put: Any = partial(
            self.client.put_object,
            Bucket=self.bucket_name,
            Key=self._object_key(key),
            Body=content,
            ContentType=media_type,
            IfNoneMatch="*",
            Metadata={} if text is None else {_NOTE: text},
            **self.get_object_parameters(key),
        )
        try:
            self._ask(key, put)
        except FileExistsError:
            return False
        return True

    def read(self, key: str) -> bytes:
        """See WriteOnceStorage."""

        def get() -> bytes:
            answer = self.client.get_object(Bucket=self.bucket_name, Key=self._object_key(key))
            with closing(answer["Body"]) as body:  # `with body` would skip the length check
                return body.read()

        return self._ask(key, get)

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """See WriteOnceStorage. Each range is a request of its own, so that no connection waits for the reader."""
        most = STREAM_BYTES  # small, so that the first piece comes soon
        while length > 0:
            with _ranges.reserve(min(length, most)) as size:
                content = self._ask(key, partial(self._read_range, key, start, size))
                for offset in range(0, size, LEAST_RANGE_BYTES):
                    yield content[offset : offset + LEAST_RANGE_BYTES]
                del content
            start, length, most = start + size, length - size, RANGE_BYTES

    def read_note(self, key: str) -> dict[str, object] | None:
        """See WriteOnceStorage."""
        found = self._head(key)
        return None if found is None else parse_note(found["Metadata"].get(_NOTE, ""))

    def exists(self, name: str) -> bool:
        """See WriteOnceStorage."""
        return self._head(name) is not None

    def size_of(self, key: str) -> int:
        """See WriteOnceStorage."""
        found = self._head(key)
        if found is None:
            raise self._not_found(key)
        return int(found["ContentLength"])

    def keys_below(self, folder: str) -> Iterator[str]:
        """See WriteOnceStorage."""
        below = f"{self._object_key(folder)}/"
        outer = len(below) - len(folder) - 1
        get_page: Any = partial(self.client.list_objects_v2, Bucket=self.bucket_name, Prefix=below)
        page = self._ask(folder, get_page)
        while True:
            yield from (one["Key"][outer:] for one in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            page = self._ask(folder, partial(get_page, ContinuationToken=page["NextContinuationToken"]))

    def delete(self, name: str) -> None:
        """See WriteOnceStorage."""
        key = self._object_key(name)
        self._ask(name, partial(self.client.delete_object, Bucket=self.bucket_name, Key=key))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_client": None}

    def _head(self, key: str) -> "HeadObjectOutputTypeDef | None":
        object_key = self._object_key(key)
        try:
            return self._ask(key, lambda: self.client.head_object(Bucket=self.bucket_name, Key=object_key))
        except FileNotFoundError:
            return None

    def _read_range(self, key: str, start: int, length: int) -> bytes:
        asked = f"bytes {start}-{start + length - 1}/"
        answer = self.client.get_object(
            Bucket=self.bucket_name, Key=self._object_key(key), Range=asked[:-1].replace(" ", "=")
        )
        with closing(answer["Body"]) as body:
            if not answer.get("ContentRange", "").startswith(asked):
                raise self._unavailable(
                    f"it sent {answer.get('ContentRange', 'all')} instead of {asked[:-1]}"
                )
            content = body.read(length)
        if len(content) < length:
            raise self._unavailable(f"the answer ended {length - len(content)} bytes early")
        return content

    def _ask(self, key: str, call: Callable[[], T]) -> T:
        """The result of the call, repeated while that may help and time is left. Raises as `_asking` does."""
        with self._asking(key) as deadline:
            for pause_s in self._pauses_s:
                try:
                    return call()
                except (ClientError, *_FAILURES) as error:
                    if not _may_pass(error) or deadline.left_s() <= pause_s:
                        raise
                    time.sleep(pause_s)
            return call()

    @contextmanager
    def _asking(self, key: str) -> Iterator[Deadline]:
        """Limits calls to the server and translates their errors; all calls go through here.

        Raises FileNotFoundError for a read of a missing object, FileExistsError for a put to a taken key,
        UnavailableError otherwise.
        """
        deadline = None
        try:
            with self._breaker.call() as deadline:
                yield deadline
        except ClientError as error:
            if _is_missing(error):
                raise self._not_found(key) from None
            if _status(error) == HTTPStatus.PRECONDITION_FAILED:
                raise FileExistsError(f"'{key}' is already stored") from None
            raise self._unavailable(_code(error)) from error
        except _FAILURES as error:
            if deadline is None:
                raise self._unavailable(str(error)) from error
            # Only the error's class: its text may quote keys, headers and signed URLs.
            why = type(error).__name__
            raise self._unavailable(f"no answer in time, {why}" if deadline.has_passed else why) from error

    def _object_key(self, key: str) -> str:
        return f"{self.location.strip('/')}/{check_key(key)}".lstrip("/")

    def _make_client(self) -> "S3Client":
        return make_client(
            self._create_session(),
            region_name=self.region_name,
            use_ssl=self.use_ssl,
            endpoint_url=self.endpoint_url,
            config=self.client_config,
            verify=self.verify,
        )

    def _not_found(self, key: str) -> FileNotFoundError:
        return FileNotFoundError(f"'{key}' is not stored in bucket '{self.bucket_name}'")

    def _unavailable(self, why: str) -> UnavailableError:
        reason = (
            f"the bucket '{self.bucket_name}' could not be used ({why}); check "
            "R2_ENDPOINT_URL, R2_BUCKET, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and the server"
        )
        return UnavailableError(UNREACHABLE, reason=reason)


@cache
def _breaker_for(endpoint: str | None) -> CircuitBreaker:
    """One for each server: when one of its buckets hangs, the others do too."""
    return CircuitBreaker()


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, ClientError) or _status(error) in _PASSING


def _is_missing(error: ClientError) -> bool:
    """Whether the object is missing. HEAD has no error code; a missing bucket is a fault instead."""
    if error.operation_name == "HeadObject":
        return _status(error) == HTTPStatus.NOT_FOUND
    return error.operation_name == "GetObject" and _code(error) == "NoSuchKey"


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) or str(_status(error))
