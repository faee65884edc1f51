"""Rules for the code that no other tool checks."""

import ast
import re
from pathlib import Path

from tests.house.tree import PACKAGES, ROOT, modules, name, parsed

BROAD = {"", "Exception", "BaseException"}
REASON = re.compile(r"# noqa: BLE001 - \S+")
BARE_SUPPRESSION = re.compile(r"# noqa\b(?!:)|# type: ignore\b(?!\[)")
READERS = {"getenv", "environ"}


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Numbered lines of a file."""
    return list(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))


def test_a_broad_except_gives_its_reason() -> None:
    found = []
    for path in modules(*PACKAGES):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [
            f"{name(path)}:{handler.lineno}"
            for handler in ast.walk(parsed(path))
            if isinstance(handler, ast.ExceptHandler)
            and (ast.unparse(handler.type) if handler.type else "") in BROAD
            and not REASON.search(lines[handler.lineno - 1])
        ]
    assert found == []


def test_a_suppression_names_its_rule() -> None:
    found = [
        f"{name(path)}:{number}"
        for path in modules()
        if path != Path(__file__)
        for number, line in lines_of(path)
        if BARE_SUPPRESSION.search(line)
    ]
    assert found == []


def test_the_environment_is_read_in_one_place() -> None:
    # The commands that start servers pass the environment on to them; Django's own variable names the settings.
    found = {
        name(path)
        for path in modules(*PACKAGES)
        if path.parent != ROOT / "dali" / "management" / "commands"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in READERS and getattr(node.value, "id", "") == "os"
    }
    assert found - {"dali/asgi.py", "dali/celery.py"} == set()


def test_only_commands_print() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in modules(*PACKAGES)
        if "management" not in path.parts
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert found == []


def test_tests_use_fakes_rather_than_mocks() -> None:
    found = [
        f"{name(path)}:{number}"
        for path in modules("tests")
        if path != Path(__file__)
        for number, line in lines_of(path)
        if re.search(r"\bunittest\.mock\b|\bMagicMock\b|\bmocker\b", line)
    ]
    assert found == []


def test_no_test_is_skipped_or_expected_to_fail_permanently() -> None:
    found = [
        f"{name(path)}:{number}"
        for path in modules("tests")
        if path != Path(__file__)
        for number, line in lines_of(path)
        if re.search(r"@pytest\.mark\.(skip|xfail)\b", line)
    ]
    assert found == []


def test_every_app_registers_itself_by_name() -> None:
    unsaid = [app for app in PACKAGES if not (ROOT / app / "apps.py").is_file()]
    assert unsaid == []
