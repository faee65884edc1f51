"""Hand-made frames can be read by a WebSocket library."""

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from dali.lib.web.streams.frames import text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_library_reads_texts_of_every_length(size: int) -> None:
    text = "é" * (size // 2) + "x" * (size % 2)
    reader = ClientProtocol(parse_uri("ws://testserver/"), max_size=None, state=State.OPEN)
    reader.receive_data(text_frame(text) + text_frame("next"))
    received = [
        (frame.opcode, bytes(frame.data)) for frame in reader.events_received() if isinstance(frame, Frame)
    ]
    assert received == [(Opcode.TEXT, text.encode()), (Opcode.TEXT, b"next")]
