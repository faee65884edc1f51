"""Clients of S3 servers that keep the deadline (dali.lib.calls.deadlines)."""

from http.client import HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.config import Config

from dali.lib.calls.deadlines import BoundedTlsSocket
from dali.lib.calls.sockets import new_connection

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# R2, read November 2026: it refused the default checksums of botocore >= 1.36 and has no ACLs.
CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    retries={"total_max_attempts": 1},  # botocore's pauses ignore the deadline; dali.lib.objects.s3 repeats
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    max_pool_connections=64,
)


class _Head:
    """The header lines of a response; remembers the last one that was read."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self.last = b"\r\n"

    def readline(self, limit: int = -1) -> bytes:
        self.last = self._inner.readline(limit)
        return self.last


class _Answer(HTTPResponse):
    """Refuses a response whose headers are cut short, which http.client would read as complete, with an empty body."""

    def begin(self) -> None:
        inner: Any = self.fp
        head = self.fp = _Head(inner)  # type: ignore[assignment]  # only `readline` is used here
        try:
            super().begin()
        finally:
            self.fp = inner
        if head.last not in (b"\r\n", b"\n"):
            raise IncompleteRead(head.last)


class _PlainConnection(AWSHTTPConnection):
    _new_conn = new_connection
    response_class = _Answer  # type: ignore[assignment]  # as http.client has it; the stubs know one of botocore's


class _TlsConnection(AWSHTTPSConnection):
    _new_conn = new_connection
    response_class = _Answer  # type: ignore[assignment]  # as http.client has it; the stubs know one of botocore's


class _PlainPool(AWSHTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def make_client(session: boto3.session.Session, **options: Any) -> "S3Client":
    """A client that threads may share; `options` are those of `Session.client`."""
    client = session.client("s3", **options)
    # botocore has no public way to replace only the connections and keep the rest (proxies, certificates,
    # `Expect: 100-continue`). tests/dali/lib/objects/test_storage_faults.py fails if this stops working.
    http: Any = client._endpoint.http_session  # type: ignore[attr-defined]  # noqa: SLF001
    http._pool_classes_by_scheme.update(http=_PlainPool, https=_TlsPool)  # noqa: SLF001
    http._manager.connection_pool_kw["ssl_context"].sslsocket_class = BoundedTlsSocket  # noqa: SLF001
    return client
