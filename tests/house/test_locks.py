"""The lock files: every dependency pinned with hashes, and no address anywhere."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.house.tree import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(path: Path) -> dict[str, tuple[str, int]]:
    """Of each pinned distribution its version and the number of its hashes."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=[a-zA-Z0-9])", path.read_text()):
        first = block.splitlines()[0].rstrip(" \\")
        requirement = Requirement(first)
        version = str(requirement.specifier).removeprefix("==")
        found[requirement.name] = (version, block.count("--hash=sha256:"))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_distribution_with_hashes(lock: str) -> None:
    found = pins(ROOT / lock)
    assert len(found) > 20
    assert [name for name, (version, hashes) in found.items() if not version or hashes == 0] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert re.findall(r"^-", text, flags=re.MULTILINE) == []


def test_the_development_lock_holds_the_runtime_lock() -> None:
    runtime, development = (pins(ROOT / lock) for lock in LOCKS)
    assert {name: pin for name, pin in runtime.items() if development.get(name) != pin} == {}
