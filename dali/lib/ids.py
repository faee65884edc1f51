"""Ids of rows: UUID version 7, which sort by the time of their creation."""

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A new id, greater than all earlier ones of this process."""
    return uuid7()
