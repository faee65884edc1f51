"""One row by its id."""

from typing import TypeVar

from django.db.models import Model, QuerySet

from dali.lib.errors import MissingError

M = TypeVar("M", bound=Model)


def get_row(rows: QuerySet[M], pk: object, noun: str) -> M:
    """The row with that primary key. Raises MissingError, whose message names the row by `noun`."""
    found = rows.filter(pk=pk).first()
    if found is None:
        raise MissingError(f"There is no {noun} {pk}.")
    return found
