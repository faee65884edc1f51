"""Fakes of the three services that answer with prepared pictures, in their own process."""

import base64
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.vendors.server import Answer, Received, VendorServer

VENDORS = ("openai", "gemini", "cloudflare")
PICTURES = 40


def paint(pictures: Path) -> None:
    """Draws noisy pictures of 1.7 MB each."""
    import numpy as np
    from PIL import Image

    pictures.mkdir()

    def draw(number: int) -> None:
        source = np.random.default_rng(number)
        coarse = Image.fromarray(source.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((1024, 1024), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = source.integers(-5, 6, (1024, 1024, 1), dtype=np.int16)
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(
            pictures / f"{number}.png", compress_level=3
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, range(PICTURES)))


class Service(VendorServer):
    """Answers every call with the next picture in the service's format, after 0.5 to 5 s; `/stats` says what it saw."""

    def __init__(self, vendor: str, pictures: list[bytes], latency_s: float | None) -> None:
        super().__init__(self._answer)
        self._vendor = vendor
        self._pictures = itertools.cycle(pictures)
        self._turn = itertools.count()
        self._fixed_s = latency_s
        self._picking = threading.Lock()
        self.latency_s = self._latency_s

    def _latency_s(self, request: Received) -> float:
        if request.path == "/stats":
            return 0
        # Spread evenly, the same for every caller.
        return 0.5 + 4.5 * (next(self._turn) * 0.618034 % 1) if self._fixed_s is None else self._fixed_s

    def _answer(self, request: Received) -> Answer:
        if request.path == "/stats":
            return Answer.of_json({"most_connections": self.most_connections, "requests": len(self.received)})
        with self._picking:
            picture = next(self._pictures)
        return Answer(200, b"".join((_WORDS[self._vendor], picture, _ENDS[self._vendor])))


_WORDS = {
    "openai": (
        b'{"created": 1, "output_format": "png", "usage": {"input_tokens": 9, "output_tokens": 1756, "total_tokens":'
        b' 1765, "input_tokens_details": {"text_tokens": 9, "image_tokens": 0}}, "data": [{"b64_json": "'
    ),
    "gemini": (
        b'{"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1120, "totalTokenCount": 1129},'
        b' "modelVersion": "gemini-3.1-flash-image", "responseId": "r", "candidates": [{"finishReason": "STOP",'
        b' "index": 0, "content": {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": "'
    ),
    "cloudflare": b'{"success": true, "errors": [], "messages": [], "result": {"image": "',
}
_ENDS = {"openai": b'"}]}', "gemini": b'"}}]}}]}', "cloudflare": b'"}}'}


def serve(pictures: Path, latency_s: float | None) -> None:
    """Serves all three until its input ends; prints their URLs."""
    encoded = [base64.b64encode(path.read_bytes()) for path in sorted(pictures.iterdir())]
    services = {vendor: Service(vendor, encoded, latency_s) for vendor in VENDORS}
    for service in services.values():
        service.__enter__()
    print(json.dumps({vendor: service.url for vendor, service in services.items()}), flush=True)
    sys.stdin.read()
    os._exit(0)


@contextmanager
def services(folder: Path, latency_s: float | None = None) -> Iterator[dict[str, str]]:
    """The three services in their own process; yields their URLs."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.services",
        str(folder / "pictures"),
        str(latency_s or ""),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]) if sys.argv[2] else None)
