"""The tables of docs/licences.md: every run-time dependency, from the lock files and the installed packages' metadata.

`python -m tests.house.licences --write` updates the page; without `--write` it prints the tables.
"""

import re
import sys
from importlib.metadata import Distribution, distribution

from tests.house.test_locks import NEEDS_NOTHING, pins
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "licences.md"
HEADING = "## Every package\n"
# Of packages that only some releases of Python 3.11 need, so that they may not be installed here.
_NOT_INSTALLED = {"async-timeout": "Apache-2.0"}
# How packages without an SPDX expression name their licence. BSD has several forms: the licence's text decides.
_NAMES = {
    "2-clause BSD License": "BSD-2-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause OR Apache-2.0": "BSD-3-Clause OR Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
}
_SPDX = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT OR Apache-2.0", "MPL-2.0"}


def licence_of(package: str) -> str:
    """The package's licence as an SPDX expression; what its metadata says where that is not known here."""
    if package in NEEDS_NOTHING:
        return _NOT_INSTALLED[package]
    found = distribution(package)
    metadata = found.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classified = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    text = "".join(metadata.get_all("License") or [])
    named = text.strip().partition("\n")[0]
    if named in _SPDX or named in _NAMES:
        return _NAMES.get(named, named)
    return " OR ".join(sorted({_spdx(name, found, text) for name in classified or [named]}))


def _spdx(name: str, found: Distribution, text: str) -> str:
    if name in {"BSD", "BSD License", "New BSD"}:
        return "BSD-3-Clause" if _forbids_endorsement(found, text) else "BSD-2-Clause"
    return _NAMES.get(name, name)


def _forbids_endorsement(found: Distribution, text: str) -> bool:
    """Whether the licence has the third clause of BSD. Packages without the text in full are taken to have it."""
    files = [file for file in found.files or [] if re.search(r"(?:^|/)(?:LICENSE|COPYING)", str(file))]
    texts = [text, *(file.read_text(encoding="utf-8") for file in files)]
    whole = [" ".join(one.split()) for one in texts if "Redistributions of source code" in one]
    return not whole or any(re.search("Neither the name|used to endorse", one) for one in whole)


def packages(lock: str) -> dict[str, str]:
    """The version of each package of a lock file that Linux with Python 3.11 installs."""
    return {package: version for package, (version, _) in sorted(pins(ROOT / lock).items())}


def tables() -> str:
    """Both tables, in Markdown."""
    runtime = packages("requirements.lock")
    uvicorn = {
        package: version
        for package, version in packages("requirements-uvicorn.lock").items()
        if package not in runtime
    }
    return f"{_table(runtime)}\nWith `requirements-uvicorn.lock` also:\n\n{_table(uvicorn)}"


def _table(versions: dict[str, str]) -> str:
    rows = [f"| `{package}` | {version} | {licence_of(package)} |" for package, version in versions.items()]
    return "\n".join(["| package | version | licence |", "|---|---|---|", *rows]) + "\n"


def page() -> str:
    """The whole page: what is written by hand above the heading, the tables below it."""
    written, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    if not heading:
        raise ValueError(f"{PAGE.name} has no heading {HEADING.strip()!r}")
    return f"{written}{HEADING}\n{tables()}"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(tables())
