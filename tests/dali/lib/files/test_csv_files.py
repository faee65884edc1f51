"""Tables as CSV: whatever separator a spreadsheet uses, no cell with visitors' text starts like a formula."""

import csv
import io
import random
import time
from collections.abc import Iterator

import pytest

from dali.lib.files.csv_files import MEDIA_TYPE, Cell, csv_bytes, read_back

SIGNS = ("=", "+", "-", "@", "\t", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def text_of(*row: Cell, head: tuple[str, ...] = ("name",)) -> str:
    return csv_bytes(head, [row]).decode("utf-8-sig")


def written(cell: str) -> str:
    (_, (found,)) = csv.reader(io.StringIO(text_of(cell), newline=""))
    return found


def cells_seen_by_other_spreadsheets(text: str) -> Iterator[str]:
    for delimiter in ",;\t|":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting):
                yield from row
        for line in text.splitlines():
            yield from line.split(delimiter)


def test_a_table_is_comma_separated_utf_8_with_a_byte_order_mark() -> None:
    content = csv_bytes(["name", "count"], [["a, b", 3], ['say "no"', None], ["日本", 0.25]])
    assert content.startswith(b"\xef\xbb\xbfname,count\r\n")
    assert content.decode("utf-8-sig") == 'name,count\r\n"a, b",3\r\n"say ""no""",\r\n日本,0.25\r\n'
    assert MEDIA_TYPE == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("=1+1", "'=1+1"),
        ("-5", "'-5"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1", "'\t'=1"),
        ("\r\n=1", "'\r\n'=1"),
        (" =1+1", "' =1+1"),
        ("a;=1+1;b", "a;'=1+1;b"),
        ("a,@SUM(1)", "a,'@SUM(1)"),
        ("a\t+1", "a\t'+1"),
        ("a\n-1\r\n-2\r-3", "a\n'-1\r\n'-2\r'-3"),
        ("a|=1", "a|'=1"),
        ("a\u2028=1", "a\u2028'=1"),
        ('a;"=1+1";b', 'a;\'"=1+1";b'),
        ("a; =1+1", "a;' =1+1"),
        ('a; +HYPERLINK("x")', 'a;\' +HYPERLINK("x")'),
        ("a; -1+cmd|' /C calc'!A0", "a;' -1+cmd|' /C calc'!A0"),
        ("a;\u00a0=1", "a;'\u00a0=1"),
        ("'=1", "''=1"),
    ],
)
def test_a_character_that_could_start_a_formula_gets_an_apostrophe(text: str, harmless: str) -> None:
    assert written(text) == harmless
    assert read_back(harmless) == text


@pytest.mark.parametrize(
    "text",
    [
        "warm, -20 degrees",
        "e-mail; -20 %",
        "C++; @home",
        "a = b + c - d @ e",
        "it's; 'quoted'",
        "a,\r\nb",
        "x\t\ty",
        "#ff8800, 50 %",
        "https://example.com/a=b;c=-1",
        "'tis",
    ],
)
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert written(text) == text
    assert read_back(text) == text


def test_numbers_stay_numbers_and_headings_are_text() -> None:
    assert text_of(-5, 3.2, -0.25, head=("a", "=b", "c")) == "a,'=b,c\r\n-5,3.2,-0.25\r\n"


def test_no_separator_turns_a_part_into_a_formula_and_every_text_is_read_back() -> None:
    dice = random.Random(7)
    letters = [*SIGNS, "\r", "\n", "\r\n", ";", ",", "|", '"', "'", " ", "a", "1", "("]
    for _ in range(3_000):
        row = ["".join(dice.choices(letters, k=dice.randint(1, 9))) for _ in range(3)]
        text = text_of(*row, head=("a", "b", "c"))
        _, read = csv.reader(io.StringIO(text, newline=""))
        assert [read_back(cell) for cell in read] == row
        assert not [cell for cell in cells_seen_by_other_spreadsheets(text) if cell.startswith(SIGNS)], row


@pytest.mark.parametrize("part", [" ", "\n", "'", ";'", ';"', "; -", "; +a"])
def test_a_long_text_is_written_quickly(part: str) -> None:
    begun = time.process_time()
    csv_bytes(["a"], [[part * 30_000]])
    assert time.process_time() - begun < 1
