"""Fake plug-ins: a provider and a judge that do what a test sets."""

import hashlib
import io
import threading
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from PIL import Image

from dali.lib.calls.answers.usage import Usage
from dali.lib.pictures.images import decode
from progressions.delivery import Delivery
from progressions.enums import Judgment, Kind
from progressions.judge import Judge, JudgeRequest, Verdict
from progressions.provider import Draft, Provider, ProviderImage, ProviderRequest


def picture_bytes(seed: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """A PNG of coarse coloured blocks, unlike that of any other seed."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    noise = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    blocks = noise.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


class FakeProvider(Provider):
    """Follows `script`: for each call, in order, an error to raise, bytes to return, or None for a picture."""

    name = "fake"
    title = "Fake"
    kinds = frozenset(Kind)
    models = ("fake-1", "fake-2")
    sizes = ("64x64",)
    limits = {"min_px": 16, "max_px": 2048}

    def __init__(self) -> None:
        self.requests: list[ProviderRequest] = []
        self.script: list[Exception | bytes | None] = []
        self.before_answer: Callable[[ProviderRequest], None] = lambda request: None
        self.cost: Decimal | None = Decimal("0.01")
        self.usage: Usage | None = None
        self.meta: dict[str, object] = {"requestId": "r-1"}
        self.limit: int | None = None
        self.partials: list[bytes] = []
        self.finished: list[bytes] = []
        self._lock = threading.Lock()

    def concurrency(self) -> int | None:
        """The settings that the test declares missing."""
        return self.limit

    def check(self, draft: Draft) -> None:
        """Accepts everything."""

    def finish(self, request: ProviderRequest, content: bytes) -> bytes:
        """The picture upside down, as PNG."""
        self.finished.append(content)
        turned = decode(content).image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        buffer = io.BytesIO()
        turned.save(buffer, "PNG")
        return buffer.getvalue()

    def call(self, request: ProviderRequest) -> ProviderImage:
        """The next answer of the script, or a picture for the seed."""
        with self._lock:
            self.requests.append(request)
            answer = self.script.pop(0) if self.script else None
        for partial in self.partials:
            assert request.on_partial is not None
            request.on_partial(partial)
        self.before_answer(request)
        if isinstance(answer, Exception):
            raise answer
        content = picture_bytes(request.seed) if answer is None else answer
        return ProviderImage(content, "fake-1", request.seed, self.cost, self.meta, self.usage)


class FakeJudge(Judge):
    """Passes everything, unless the test sets another verdict or an error."""

    name = "fake"

    def __init__(self) -> None:
        self.requests: list[JudgeRequest] = []
        self.verdict: Verdict | Exception = Verdict(Judgment.PASS, ["Looks right."], ["bright"])

    def judge(self, request: JudgeRequest) -> Verdict:
        """The verdict or error that the test set."""
        self.requests.append(request)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


class MemoryDelivery(Delivery):
    """Keeps images in memory; its URLs look like those of the embedded delivery."""

    name = "memory"

    def __init__(self) -> None:
        self.placed: dict[str, bytes] = {}

    def place(self, content: bytes, sha256: str) -> str:
        assert hashlib.sha256(content).hexdigest() == sha256
        self.placed[sha256] = content
        return f"/images/{sha256}.webp"
