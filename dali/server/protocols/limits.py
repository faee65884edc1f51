"""The limits of one connection: bytes buffered, bytes accepted, seconds waited."""

from dataclasses import dataclass

from django.conf import settings

from dali.lib.web.streams.allowance import FRAMES_A_SECOND, FRAMES_AT_ONCE

MIB = 1024 * 1024
# The most that multipart's boundaries and part headers may add to a file.
MULTIPART_OVERHEAD_BYTES = 64 * 1024
TEMPLATE_BYTES = MIB
ADMIN_FORM_BYTES = 5 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one connection. The defaults are documented in the API."""

    # `send` waits while more than this is unsent in user space: for answers, and for socket messages.
    answer_high_water_bytes: int = 16 * 1024
    high_water_bytes: int = MIB
    # Read at once. All of it is processed in one go, and a frame can be as short as six bytes.
    request_read_bytes: int = 16 * 1024
    socket_read_bytes: int = 4 * 1024
    # A reader this far behind is disconnected with 4408.
    most_unsent_bytes: int = 8 * MIB
    # So is a reader that takes nothing for this long while `high_water_bytes` are waiting.
    stall_s: float = 30
    ping_s: float = 20
    silence_s: float = 60
    # A client that takes less than this of an answer within `silence_s` also counts as silent.
    pace_bytes: int = 32 * 1024
    client_message_bytes: int = 4 * 1024
    # Frames that a client may send on a socket, at once and per second; more closes it with 1008.
    frames_at_once: int = FRAMES_AT_ONCE
    frames_a_second: int = FRAMES_A_SECOND
    # Lines and parts of requests, likewise; a connection that sends more is read more slowly.
    parts_at_once: int = 2000
    parts_a_second: int = 1000
    # A whole request must arrive within this time; each `body_pace_bytes` of its body restart the clock.
    request_s: int = 60
    body_pace_bytes: int = 2 * MIB
    # How long, and how much, a refused connection is still read, so that the client sees the answer.
    linger_s: int = 10
    linger_bytes: int = 64 * MIB


def body_limit(method: bytes, target: bytes) -> int:
    """The most bytes a request's body may have. `target`: from the request line, with or without query."""
    path = target.split(b"?", 1)[0]
    if method == b"POST" and path == b"/api/uploads":
        return settings.MAX_IMAGE_BYTES + MULTIPART_OVERHEAD_BYTES
    if method == b"POST" and path == b"/api/templates":
        return TEMPLATE_BYTES + MULTIPART_OVERHEAD_BYTES
    if path.startswith(b"/admin/"):
        return ADMIN_FORM_BYTES
    return settings.MAX_BODY_BYTES
