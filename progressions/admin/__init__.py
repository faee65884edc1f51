"""The admin of the progressions app: projects, jobs, images, charges, rewritten prompts, the log of events, upkeep."""

from progressions.admin import charges, held_answers, idempotency, images, jobs, projects, rewrites, stream

__all__ = ["charges", "held_answers", "idempotency", "images", "jobs", "projects", "rewrites", "stream"]
