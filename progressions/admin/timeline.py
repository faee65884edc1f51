"""The journal of a job or a variant as bars on one axis of time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from progressions.enums import StepStatus
from progressions.models import Step
from progressions.pipeline.steps.table import TITLES


@dataclass(frozen=True, slots=True)
class AttemptBar:
    """One attempt at a step. `left` and `width` are in percent of the axis."""

    step: Step
    title: str
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars in the order of the journal; the axis is `total_ms` long, from the first start to the last end."""

    bars: tuple[AttemptBar, ...]
    total_ms: int


def timeline(steps: Sequence[Step], now: datetime) -> Timeline:
    """The timeline of one owner's steps; an attempt without an answer extends to `now`."""
    if not steps:
        return Timeline((), 0)
    start = min(step.started_at for step in steps)
    total_ms = max(1.0, *(_ms(_end(step, now) - start) for step in steps))
    bars = []
    for step in steps:
        left = 100 * _ms(step.started_at - start) / total_ms
        width = 100 * _ms(_end(step, now) - step.started_at) / total_ms
        # Half a percent is the narrowest visible bar; no bar may leave the axis.
        width = max(0.5, width)
        left = min(left, 100 - width)
        bars.append(AttemptBar(step, TITLES.get(step.name, ""), round(left, 2), round(width, 2)))
    return Timeline(tuple(bars), round(total_ms))


def _end(step: Step, now: datetime) -> datetime:
    if step.ms is not None:
        return step.started_at + timedelta(milliseconds=step.ms)
    return max(now, step.started_at) if step.status == StepStatus.SENT else step.started_at


def _ms(length: timedelta) -> float:
    return length / timedelta(milliseconds=1)
