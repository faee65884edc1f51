"""The page of licences: complete, up to date, and with a note about each licence that asks for something."""

import re

import pytest

from tests.house import licences

# They ask for their text and the authors' names to be passed on, and for nothing else.
PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "TCL",
    "ZPL-2.1",
    "Zlib",
}


def test_the_page_of_licences_is_up_to_date() -> None:
    written = licences.PAGE.read_text(encoding="utf-8")
    assert written == licences.page(), "run `python -m tests.house.licences --write` and read what changed"


def test_each_licence_that_is_not_permissive_has_a_note() -> None:
    notes = licences.PAGE.read_text(encoding="utf-8").partition(licences.HEADING)[0]
    versions = licences.packages("requirements.lock") | licences.packages("requirements-uvicorn.lock")
    without_note = {
        package: licence
        for package in versions
        if not set(re.split(" AND | OR ", licence := licences.licence_of(package))) <= PERMISSIVE
        and f"`{package}`" not in notes
    }
    assert without_note == {}


@pytest.mark.parametrize(
    ("package", "licence"),
    [
        ("av", "BSD-3-Clause"),  # an SPDX expression
        ("channels", "BSD-3-Clause"),  # "BSD", told by its text
        ("pyasn1-modules", "BSD-2-Clause"),
        ("requests", "Apache-2.0"),  # a name of its own
        ("python-dateutil", "Apache-2.0 OR BSD-3-Clause"),  # two classifiers
        ("scipy", "BSD-3-Clause"),  # the licence's whole text as its name
    ],
)
def test_licences_are_read_in_every_form(package: str, licence: str) -> None:
    assert licences.licence_of(package) == licence
