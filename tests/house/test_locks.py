"""The lock files: every dependency pinned with hashes, none missing, no URLs, and no install that resolves."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, name, text_files

# Each lock with the extras of pyproject.toml that it covers.
EXTRAS = {
    "requirements.lock": set[str](),
    "requirements-uvicorn.lock": {"uvicorn"},
    "requirements-dev.lock": {"dev", "uvicorn"},
}
LOCKS = tuple(EXTRAS)
# The platform that every lock must serve without resolving.
LINUX = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}
# A command that installs Python or npm packages, up to its end in a shell or a document.
INSTALLS = re.compile(
    r"(?:\bpip3?|\buv pip|-m pip) install\b(?:\\\n|[^`\n])*|\bnpm (?:install|i|add)\b(?:\\\n|[^`\n])*"
)
# Only some releases of Python 3.11 need it, and it needs nothing: it may be missing where the tests run.
NEEDS_NOTHING = {"async-timeout"}


def pins(path: Path) -> dict[str, tuple[str, int]]:
    """The version and the number of hashes of each pinned distribution."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=[a-zA-Z0-9])", path.read_text()):
        requirement = Requirement(block.splitlines()[0].rstrip(" \\"))
        if not needed(requirement):
            continue
        version = str(requirement.specifier).removeprefix("==")
        found[str(canonicalize_name(requirement.name))] = (version, block.count("--hash=sha256:"))
    return found


def needed(requirement: Requirement, extra: str = "") -> bool:
    """Whether the requirement applies on Linux with Python 3.11."""
    return requirement.marker is None or requirement.marker.evaluate({**LINUX, "extra": extra})


def asked_for(lock: str) -> list[Requirement]:
    """The requirements of pyproject.toml for that lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in EXTRAS[lock]:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def missing(found: dict[str, tuple[str, int]], wanted: list[Requirement]) -> list[str]:
    """Direct and indirect requirements that are not pinned, or pinned at a version that does not satisfy them."""
    lacking: list[str] = []
    seen: set[tuple[str, str]] = set()
    queue = [(requirement, "pyproject.toml") for requirement in wanted]
    while queue:
        requirement, by = queue.pop()
        pinned = str(canonicalize_name(requirement.name))
        version = found.get(pinned, ("", 0))[0]
        if not version or not requirement.specifier.contains(version, prereleases=True):
            lacking.append(f"{requirement} (for {by}): {version or 'not pinned'}")
            continue
        for extra in requirement.extras | {""}:
            if (pinned, extra) not in seen:
                seen.add((pinned, extra))
                queue += [(child, f"{pinned}[{extra}]") for child in needs(pinned) if needed(child, extra)]
    return lacking


def needs(pinned: str) -> list[Requirement]:
    """The requirements of a distribution, from the metadata of the installed one."""
    if pinned in NEEDS_NOTHING:
        return []
    return [Requirement(line) for line in distribution(pinned).requires or ()]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_complete_for_linux_and_python_3_11(lock: str) -> None:
    assert missing(pins(ROOT / lock), asked_for(lock)) == []


def test_a_lock_without_a_requirement_of_an_extra_is_detected() -> None:
    found = pins(ROOT / "requirements.lock")
    del found["requests"]
    found["urllib3"] = ("1.0", 1)
    told = missing(found, asked_for("requirements.lock"))
    assert "requests (for pyproject.toml): not pinned" in told
    assert any(line.startswith("requests") and "google-auth[requests]" in line for line in told)
    assert "urllib3 (for pyproject.toml): not pinned" not in told
    assert any(line.startswith("urllib3") and line.endswith(": 1.0") for line in told)


def test_no_install_command_resolves() -> None:
    commands = [
        (name(path), command)
        for path in text_files()
        if path != Path(__file__)
        for command in INSTALLS.findall(path.read_text(encoding="utf-8"))
    ]
    assert {path for path, _ in commands} >= {"Makefile", "docs/deploy.md"}
    bound = ("--no-deps", "--only-binary :all:", "--require-hashes")
    assert [line for line in commands if "npm" in line[1] or any(flag not in line[1] for flag in bound)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_distribution_with_hashes(lock: str) -> None:
    found = pins(ROOT / lock)
    assert len(found) > 20
    assert [name for name, (version, hashes) in found.items() if not version or hashes == 0] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_contains_no_urls(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert re.findall(r"^-", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_development_lock_contains_every_other_lock(lock: str) -> None:
    development = pins(ROOT / "requirements-dev.lock")
    assert {pin: held for pin, held in pins(ROOT / lock).items() if development.get(pin) != held} == {}
