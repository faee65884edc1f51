"""The admin of the progressions app: jobs and their steps, images, the stream's log and upkeep."""

from progressions.admin import images, jobs, stream

__all__ = ["images", "jobs", "stream"]
