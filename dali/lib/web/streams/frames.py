"""WebSocket frames made once for many readers, and the ASGI extension that sends them.

A server does not mask frames, so one text has the same bytes for every client. A server that offers EXTENSION (in a
scope's `extensions`) takes messages `{"type": EXTENSION, "frames": bytes}` for a socket without compression: whole
frames, written as they are.
"""

EXTENSION = "dali.websocket.frames"

_FINAL_TEXT = b"\x81"


def text_frame(text: str) -> bytes:
    """A text message as one frame (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        length = size.to_bytes(1, "big")
    elif size < 65_536:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return _FINAL_TEXT + length + payload
