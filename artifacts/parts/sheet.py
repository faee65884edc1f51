"""Tables of artifacts: a CSV file from its headings and rows."""

from collections.abc import Iterable, Sequence

from artifacts.generator import File
from dali.lib.files.csv_files import MEDIA_TYPE, Cell, csv_bytes

__all__ = ["Cell", "csv_file"]


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> File:
    """A table with a line of headings. Numbers stand as they are; an unknown is an empty cell."""
    return File(name, MEDIA_TYPE, csv_bytes(head, rows))
