"""Tables as CSV (RFC 4180) in which a spreadsheet finds no formulas to run.

The only writer of CSV in Dali. A file begins with a byte order mark; without it Excel reads UTF-8 as Latin-1.

A spreadsheet reads a cell that begins with one of _EQUALS or _OTHERS as a formula. If it separates cells by another
character than the comma (a semicolon in much of Europe) or does not support quotes, it finds cells inside ours. So an
apostrophe is put before these signs wherever a cell can begin: at the start, and after each of _SEPARATORS.
https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11-30; ASVS 5.0, 1.2.10.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

MEDIA_TYPE = "text/csv; charset=utf-8"
_MARK = "\ufeff"

Cell = str | int | float | None

# Commas, semicolons, tabs, bars, and all characters that may end a line.
_SEPARATORS = r",;|\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
# The signs, also their full-width (Japanese Excel) and small forms.
_EQUALS = r"=\uff1d\ufe66"
_OTHERS = r"+\-@\uff0b\uff0d\uff20\ufe62\ufe63\ufe6b"
# Characters that a reader may drop before a cell: blanks, controls, and quotes.
_DROPPED = r"[\x00-\x08\x0e-\x1b\x1f \xa0\u2000-\u200b\u3000\ufeff\"]*"
_DANGER = (
    # An equals sign begins a formula also after blanks. The others also begin ordinary text ("warm, -20 degrees"):
    # after blanks they count only if a call or a command follows.
    rf"{_DROPPED}[{_EQUALS}]"
    rf"|(?:{_DROPPED}\")?[{_OTHERS}]"
    rf"|{_DROPPED}[{_OTHERS}][^,;\t\r\n]*(?:\w\(|\|)"
)
# Includes existing apostrophes before a danger, so that `read_back` removes only those that were added.
_PLACE = re.compile(
    rf"(?<![^{_SEPARATORS}])(?='*(?:{_DANGER}))"
    r"|\A(?='*[\t\r\n\x00])"
    r"|(?<=[,;|\r\n])(?='*\"*[\t\x00])|(?<=[,;|\t\n])(?='*\"*\r(?!\n))"
)
_MARKED = re.compile(f"(?:{_PLACE.pattern})'")


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table with a line of headings, as UTF-8. Numbers are not changed; None becomes an empty cell."""
    text = io.StringIO(newline="")
    text.write(_MARK)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_written(cell) for cell in head])
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def read_back(cell: str) -> str:
    """The original text of a cell that `csv_bytes` wrote."""
    return _MARKED.sub("", cell)


def _written(cell: Cell) -> str:
    if isinstance(cell, str):
        return _PLACE.sub("'", cell)
    return "" if cell is None else str(cell)
