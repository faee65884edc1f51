"""The admin of the progressions app: jobs and steps, images, charges, rewritten prompts, the stream's log, upkeep."""

from progressions.admin import charges, held_answers, idempotency, images, jobs, rewrites, stream

__all__ = ["charges", "held_answers", "idempotency", "images", "jobs", "rewrites", "stream"]
