"""The part of a file that a request asks for (RFC 9110)."""

import pytest
from django.test import RequestFactory

from dali.lib.web.files.byte_ranges import ByteRange, UnsatisfiableRangeError, asked_part

ETAG = '"abc"'
MANY = "9" * 5000


def ask(
    asked: str | None, total: int = 100, *, method: str = "GET", if_range: str | None = None
) -> ByteRange | None:
    """The part of a file of `total` bytes."""
    headers = {name: value for name, value in (("Range", asked), ("If-Range", if_range)) if value is not None}
    return asked_part(RequestFactory().generic(method, "/", headers=headers), etag=ETAG, total=total)


@pytest.mark.parametrize(
    ("asked", "content_range", "length"),
    [
        ("bytes=0-", "bytes 0-99/100", 100),
        ("bytes=0-99", "bytes 0-99/100", 100),
        ("bytes=0-0", "bytes 0-0/100", 1),
        ("bytes=10-19", "bytes 10-19/100", 10),
        ("bytes=99-", "bytes 99-99/100", 1),
        ("bytes=10-100", "bytes 10-99/100", 90),
        (f"bytes=10-{MANY}", "bytes 10-99/100", 90),
        ("bytes=-7", "bytes 93-99/100", 7),
        ("bytes=-100", "bytes 0-99/100", 100),
        ("bytes=-101", "bytes 0-99/100", 100),
        (f"bytes=-{MANY}", "bytes 0-99/100", 100),
        ("bytes=" + "0" * 5000 + "5-7", "bytes 5-7/100", 3),
        ("BYTES=0-9", "bytes 0-9/100", 10),
        ("  bytes=0-9\t", "bytes 0-9/100", 10),
        ("bytes= 0-9", "bytes 0-9/100", 10),
        ("bytes=,, 0-9 ,", "bytes 0-9/100", 10),
    ],
)
def test_a_single_part_is_found(asked: str, content_range: str, length: int) -> None:
    part = ask(asked)
    assert part is not None
    assert (part.content_range, part.length, part.total) == (content_range, length, 100)


@pytest.mark.parametrize(
    "asked",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=,",
        "bytes=5",
        "bytes=9-5",
        f"bytes={MANY}-5",
        f"bytes={MANY}-{MANY[:-1]}",
        "bytes=a-b",
        "bytes=0x0-9",
        "bytes=+0-9",
        "bytes=0-9-",
        "bytes=--9",
        "bytes=0 - 9",
        "bytes =0-9",
        "bytes:0-9",
        "bytes=٠-٩",
        "bytes=²-³",
        "bytes=0-9;bytes=1-2",
        "lines=1-2",
        "none",
        "bytes=0-1,3-4",
        "bytes=0-1,bytes=3-4",
        "bytes=0-1,junk",
        "bytes=200-300,400-",
    ],
)
def test_several_parts_or_a_malformed_range_get_the_whole(asked: str | None) -> None:
    assert ask(asked) is None


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", f"bytes={MANY}-", "bytes=-0", "bytes=-000"])
def test_a_part_outside_the_file_is_unsatisfiable(asked: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        ask(asked)


def test_an_empty_file_has_no_first_byte_and_a_suffix_range_gets_the_whole() -> None:
    assert ask("bytes=-5", 0) is None
    for asked in ("bytes=0-", "bytes=0-0", "bytes=-0"):
        with pytest.raises(UnsatisfiableRangeError):
            ask(asked, 0)


def test_a_file_of_one_byte_has_one_part() -> None:
    for asked in ("bytes=0-", "bytes=-1", "bytes=0-0", "bytes=-99"):
        assert ask(asked, 1) == ByteRange(0, 1, 1)


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_a_range_applies_only_to_get(method: str) -> None:
    assert ask("bytes=0-9", method=method) is None
    assert ask("bytes=500-", method=method) is None


@pytest.mark.parametrize(
    "condition", ['"other"', 'W/"abc"', "abc", "", "*", '"abc", "other"', "Mon, 30 Nov 2026 10:00:00 GMT"]
)
def test_a_range_of_another_version_gets_the_whole(condition: str) -> None:
    assert ask("bytes=0-9", if_range=condition) is None
    assert ask("bytes=500-", if_range=condition) is None


def test_a_range_of_this_version_gets_the_part() -> None:
    assert ask("bytes=0-9", if_range=ETAG) == ByteRange(0, 10, 100)
    assert ask(None, if_range=ETAG) is None
