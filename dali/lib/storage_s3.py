"""The write-once storage in a bucket of an S3 server, as R2 is one."""

import threading
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage  # type: ignore[import-untyped]

from dali.lib.errors import UnavailableError
from dali.lib.storage import STREAM_BYTES, WriteOnceStorage, check_key
from dali.lib.storage_notes import note_text, parse_note

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

# R2, read November 2026: default checksums of botocore >= 1.36 were refused, ACLs do not exist.
_CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    retries={"max_attempts": 3, "mode": "standard"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=64,
)
_CLIENT_LOCK = threading.Lock()
_NOTE = "dali-note"  # the object's metadata `x-amz-meta-dali-note`
_CONFLICT_PAUSES_S = (0.1, 0.4, 1.6)


class S3WriteOnceStorage(WriteOnceStorage, S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Objects of a bucket, put with `If-None-Match: *`, which R2 and S3 honour (dali.lib.storage_probe sees to it).

    The option `object_parameters` goes with each of them, as `{"CacheControl": ...}`.
    One client, and with it one pool of connections, for all threads: making one takes 100 ms of CPU.
    """

    def __init__(self, **options: Any) -> None:
        endpoint = options.get("endpoint_url")
        options.setdefault("region_name", "auto" if endpoint else None)
        options.setdefault("client_config", _CONFIG)
        super().__init__(**{**options, "default_acl": None, "file_overwrite": False})
        self._client: S3Client | None = None

    @property
    def client(self) -> "S3Client":
        """The client, made at the first use."""
        if self._client is None:
            with _CLIENT_LOCK:  # sessions are not safe to share while they make clients
                if self._client is None:
                    self._client = self._make_client()
        return self._client

    def put_once(
        self, key: str, content: bytes, *, media_type: str, note: Mapping[str, object] | None = None
    ) -> bool:
        """See WriteOnceStorage. The note is metadata of the object: one request writes both."""
        text = None if note is None else note_text(note)
        further: Any = self.get_object_parameters(key)
        for pause_s in (*_CONFLICT_PAUSES_S, None):
            try:
                self.client.put_object(
                    Bucket=self.bucket_name,
                    Key=self._object_key(key),
                    Body=content,
                    ContentType=media_type,
                    IfNoneMatch="*",
                    Metadata={} if text is None else {_NOTE: text},
                    **further,
                )
            except ClientError as error:
                status = _status(error)
                if status == HTTPStatus.PRECONDITION_FAILED:
                    return False
                # 409: somebody else's write of this key is under way and may yet fail.
                if status != HTTPStatus.CONFLICT or pause_s is None:
                    raise self._unavailable(error) from error
                time.sleep(pause_s)
            except BotoCoreError as error:
                raise self._unavailable(error) from error
            else:
                return True
        raise AssertionError("unreachable")

    def read(self, key: str) -> bytes:
        """See WriteOnceStorage."""
        try:
            answer = self.client.get_object(Bucket=self.bucket_name, Key=self._object_key(key))
            with answer["Body"] as body:
                return body.read()
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                raise FileNotFoundError(f"'{key}' is not stored in bucket '{self.bucket_name}'") from None
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """See WriteOnceStorage."""
        asked = f"bytes={start}-{start + length - 1}"
        try:
            answer = self.client.get_object(Bucket=self.bucket_name, Key=self._object_key(key), Range=asked)
            with answer["Body"] as body:
                yield from body.iter_chunks(STREAM_BYTES)
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                raise FileNotFoundError(f"'{key}' is not stored in bucket '{self.bucket_name}'") from None
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

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
            raise FileNotFoundError(f"'{key}' is not stored in bucket '{self.bucket_name}'")
        return int(found["ContentLength"])

    def keys_below(self, folder: str) -> Iterator[str]:
        """See WriteOnceStorage."""
        below = f"{self._object_key(folder)}/"
        outer = len(below) - len(folder) - 1
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket_name, Prefix=below
            )
            for page in pages:
                yield from (one["Key"][outer:] for one in page.get("Contents", ()))
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error) from error

    def delete(self, name: str) -> None:
        """See WriteOnceStorage."""
        try:
            self.client.delete_object(Bucket=self.bucket_name, Key=self._object_key(name))
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error) from error

    def __getstate__(self) -> dict[str, Any]:
        state = cast("dict[str, Any]", super().__getstate__())
        state["_client"] = None
        return state

    def _head(self, key: str) -> "HeadObjectOutputTypeDef | None":
        try:
            return self.client.head_object(Bucket=self.bucket_name, Key=self._object_key(key))
        except ClientError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return None
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def _object_key(self, key: str) -> str:
        return f"{self.location.strip('/')}/{check_key(key)}".lstrip("/")

    def _make_client(self) -> "S3Client":
        session = boto3.session.Session(
            aws_access_key_id=self.access_key or None,
            aws_secret_access_key=self.secret_key or None,
            aws_session_token=self.security_token or None,
        )
        return session.client(
            "s3",
            region_name=self.region_name,
            use_ssl=self.use_ssl,
            endpoint_url=self.endpoint_url,
            config=self.client_config,
            verify=self.verify,
        )

    def _unavailable(self, error: ClientError | BotoCoreError) -> UnavailableError:
        # The code or the error's kind, never its text: that may quote keys, headers and signed addresses.
        what = _code(error) if isinstance(error, ClientError) else type(error).__name__
        return UnavailableError(
            f"the bucket '{self.bucket_name}' could not be used ({what}); see to "
            "R2_ENDPOINT_URL, R2_BUCKET, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and the server"
        )


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) or str(_status(error))
