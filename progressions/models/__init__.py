"""Rows of the progressions app: jobs, their variants and steps, the images made, the stream's log, what was paid."""

from progressions.models.answers import HeldAnswer
from progressions.models.idempotency import IdempotencyKey
from progressions.models.images import HashBands, ImageProgression, Upload
from progressions.models.jobs import Job, Step, Variant
from progressions.models.leases import Leased, Queued
from progressions.models.ledger import Charge
from progressions.models.rewrites import Rewrite
from progressions.models.stream import Cooldown, Duty, Event, StreamSession

__all__ = [
    "Charge",
    "Cooldown",
    "Duty",
    "Event",
    "HashBands",
    "HeldAnswer",
    "IdempotencyKey",
    "ImageProgression",
    "Job",
    "Leased",
    "Queued",
    "Rewrite",
    "Step",
    "StreamSession",
    "Upload",
    "Variant",
]
