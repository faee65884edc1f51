"""Tables as CSV."""

import csv
import io

import pytest

from artifacts.parts.sheet import csv_file


def test_a_table_is_comma_separated_text_with_headings() -> None:
    file = csv_file("rows.csv", ["name", "count"], [["a, b", 3], ['say "no"', None], ["日本", 0.25]])
    assert file.media_type == "text/csv; charset=utf-8"
    assert file.content.decode() == 'name,count\r\n"a, b",3\r\n"say ""no""",\r\n日本,0.25\r\n'


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(begin: str) -> None:
    file = csv_file("rows.csv", ["name"], [[begin + 'HYPERLINK("http://x")']])
    rows = list(csv.reader(io.StringIO(file.content.decode(), newline="")))
    assert rows[1] == ["'" + begin + 'HYPERLINK("http://x")']


def test_a_number_below_zero_stays_a_number() -> None:
    assert csv_file("rows.csv", ["count"], [[-3]]).content == b"count\r\n-3\r\n"
