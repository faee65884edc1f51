"""Ids of rows: UUID version 7, so that they sort by the time they were made."""

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A new id; within one process each is greater than the one before."""
    return uuid7()
