"""What the web process grants one connection: bytes it buffers, bytes it takes, seconds it waits."""

from dataclasses import dataclass

from django.conf import settings

from dali.lib.web.streams.allowance import FRAMES_A_SECOND, FRAMES_AT_ONCE

MIB = 1024 * 1024
# What multipart's own lines and part headers may add to a file.
MULTIPART_OVERHEAD_BYTES = 64 * 1024
TEMPLATE_BYTES = MIB
ADMIN_FORM_BYTES = 5 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection; the defaults are what the API promises."""

    # `send` waits while more than this is unsent, in user space: of an answer, and of a socket's messages.
    answer_high_water_bytes: int = 16 * 1024
    high_water_bytes: int = MIB
    # Read at once. What a read holds is worked on in one go, and frames can be as short as six bytes.
    request_read_bytes: int = 16 * 1024
    socket_read_bytes: int = 4 * 1024
    # A reader this far behind is disconnected with 4408.
    most_unsent_bytes: int = 8 * MIB
    # A reader that takes nothing at all for so long, with `high_water_bytes` waiting, is so too.
    stall_s: float = 30
    ping_s: float = 20
    silence_s: float = 60
    # A client that takes less than this of an answer within `silence_s` is silent, too.
    pace_bytes: int = 32 * 1024
    client_message_bytes: int = 4 * 1024
    # What a client may send on a socket at once and a second: frames; more closes it with 1008.
    frames_at_once: int = FRAMES_AT_ONCE
    frames_a_second: int = FRAMES_A_SECOND
    # Lines and parts of requests likewise; a connection that brings more is read more slowly.
    parts_at_once: int = 2000
    parts_a_second: int = 1000
    # A request must have arrived whole by then; a body buys more time by arriving (`body_pace_bytes`).
    request_s: int = 60
    body_pace_bytes: int = 2 * MIB
    # How long a connection whose request was refused is read on, so that the client sees the answer.
    linger_s: int = 10
    linger_bytes: int = 64 * MIB


def body_limit(method: bytes, target: bytes) -> int:
    """The most bytes a request's body may have. `target` is the request line's, with or without query."""
    path = target.split(b"?", 1)[0]
    if method == b"POST" and path == b"/api/uploads":
        return settings.MAX_IMAGE_BYTES + MULTIPART_OVERHEAD_BYTES
    if method == b"POST" and path == b"/api/templates":
        return TEMPLATE_BYTES + MULTIPART_OVERHEAD_BYTES
    if path.startswith(b"/admin/"):
        return ADMIN_FORM_BYTES
    return settings.MAX_BODY_BYTES
