"""Tables as CSV (RFC 4180) that a spreadsheet opens without running anything that stands in them."""

import csv
import io
from collections.abc import Iterable, Sequence

from artifacts.generator import File

MEDIA_TYPE = "text/csv; charset=utf-8"
# Spreadsheets take a cell that begins so for a formula (OWASP ASVS 5.0, 1.2.10, read on 2026-11-22), some also
# after a line break, or in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\0", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Cell = str | int | float | None


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> File:
    """A table with a line of headings. Numbers stand as they are; an unknown is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return File(name, MEDIA_TYPE, text.getvalue().encode())


def read_back(cell: str) -> str:
    """The text as it was before `csv_file` made it harmless."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _written(cell: Cell) -> str:
    """A text that a spreadsheet would take for a formula gets a leading apostrophe, which makes it text."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return str(cell)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
