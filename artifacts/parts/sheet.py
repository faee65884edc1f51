"""CSV files from headings and rows."""

from collections.abc import Iterable, Sequence

from artifacts.generator import File
from dali.lib.files.csv_files import MEDIA_TYPE, Cell, csv_bytes

__all__ = ["Cell", "csv_file"]


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> File:
    """A table with a heading line. Numbers are unformatted; unknown values are empty cells."""
    return File(name, MEDIA_TYPE, csv_bytes(head, rows))
