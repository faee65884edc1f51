"""Times in the API's format, elapsed times, and deadlines for several calls."""

import time
from dataclasses import dataclass
from datetime import datetime


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since the Unix epoch, the format of all times outside the database."""
    return int(moment.timestamp() * 1000)


def ms_since(started: float) -> int:
    """Whole milliseconds since a reading of `time.perf_counter`."""
    return int((time.perf_counter() - started) * 1000)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock, in seconds, by which something must end."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.at - time.monotonic())

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.at
