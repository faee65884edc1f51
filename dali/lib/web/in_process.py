"""Requests to this application without a server: routes, middleware and throttles apply as usual."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class InProcessAdapter(HTTPAdapter):
    """Mounted on a `requests.Session`: a WSGI application answers, in the calling thread."""

    def __init__(self, application: Application) -> None:
        super().__init__()
        self._application = application

    def send(  # noqa: PLR0917 - the signature of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - as above
        timeout: Any = None,
        verify: Any = True,  # noqa: FBT002 - as above
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The answer, read whole."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[..., None]:
            started[:] = [status, headers]
            return lambda _: None

        pieces = self._application(_environ(request), start_response)
        try:
            content = b"".join(pieces)
        finally:
            if close := getattr(pieces, "close", None):
                close()
        code, _, reason = started[0].partition(" ")
        return self.build_response(
            request,
            HTTPResponse(io.BytesIO(content), started[1], int(code), reason=reason, preload_content=False),
        )


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    """The request in the format of PEP 3333; its address is this machine's."""
    url = urlsplit(str(request.url))
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else bytes(body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or {"https": 443}.get(url.scheme, 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name.lower() not in ("content-type", "content-length", "host"):
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ
