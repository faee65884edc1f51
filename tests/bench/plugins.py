"""Plug-ins of the measurements: a provider that answers with files, a judge that passes everything."""

import time
from decimal import Decimal
from pathlib import Path

from progressions.enums import Judgment, Kind
from progressions.judge import Judge, JudgeRequest, Verdict
from progressions.provider import Draft, Provider, ProviderImage, ProviderRequest


class FileProvider(Provider):
    """Answers after `latency_s` with the file named after the request's seed."""

    name = "bench"
    title = "Bench"
    kinds = frozenset({Kind.GENERATE})
    models = ("files",)
    sizes = ("1024x1024",)
    limits = {"min_px": 1024, "max_px": 1024}

    def __init__(self, pictures: Path, latency_s: float) -> None:
        self._pictures = pictures
        self.latency_s = latency_s

    def check(self, draft: Draft) -> None:
        """Accepts everything."""

    def call(self, request: ProviderRequest) -> ProviderImage:
        """The file, after the delay."""
        time.sleep(self.latency_s)
        content = (self._pictures / f"{request.seed}.png").read_bytes()
        return ProviderImage(content, "files", request.seed, Decimal(0))


class SilentJudge(Judge):
    """Passes everything without looking: the judge is not measured."""

    name = "bench"

    def judge(self, request: JudgeRequest) -> Verdict:
        """Passes."""
        return Verdict(Judgment.PASS, ["Not looked at."])
