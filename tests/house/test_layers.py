"""The contracts of import-linter: they cover everything, and plug-in folders hold only plug-ins."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils.module_loading import import_string

from tests.house.tree import CONTRACTS, PACKAGES, ROOT, modules, name, parsed

CONFIGURATION: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LAYERS = {contract["id"]: contract for contract in CONFIGURATION["contracts"] if contract["type"] == "layers"}


def test_imports_keep_every_contract() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run(
        [linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_exhaustive_layers(package: str) -> None:
    contract = LAYERS[package]
    assert contract["containers"] == [package]
    assert contract["exhaustive"] is True
    assert "ignore_imports" not in contract


def test_the_order_of_the_apps_names_every_module_of_the_wiring() -> None:
    named = {name for layer in LAYERS["apps"]["layers"] for name in re.findall(r"dali\.\w+", layer)}
    present = {
        f"dali.{path.relative_to(ROOT).parts[1].removesuffix('.py')}"
        for path in modules("dali")
        if path != ROOT / "dali" / "__init__.py"
    }
    assert named == present


def plugin_files() -> Iterator[tuple[Path, str]]:
    """Every file in a plug-in folder that is named after a contract, and the contract's class."""
    for folder, contracts in CONTRACTS.items():
        for path in sorted((ROOT / folder).glob("*/*.py")):
            if path.stem in contracts:
                yield path, contracts[path.stem]


@pytest.mark.parametrize(
    ("path", "contract"), [pytest.param(*found, id=name(found[0])) for found in plugin_files()]
)
def test_a_file_named_after_a_contract_holds_one_plugin(path: Path, contract: str) -> None:
    module = importlib.import_module(name(path).removesuffix(".py").replace("/", "."))
    own = [member for _, member in inspect.getmembers(module, inspect.isclass)]
    plugins = [
        member
        for member in own
        if member.__module__ == module.__name__ and issubclass(member, import_string(contract))
    ]
    assert len(plugins) == 1, f"{name(path)} holds {len(plugins)} plug-ins"


@pytest.mark.parametrize("folder", CONTRACTS)
def test_no_source_outside_a_plugin_folder_imports_from_it(folder: str) -> None:
    importing = re.compile(rf"^\s*(?:from|import) {re.escape(folder.replace('/', '.'))}\.(\w+)", re.MULTILINE)
    found = [
        f"{name(path)} imports {folder}/{plugin}"
        for path in modules(*PACKAGES)
        for plugin in importing.findall(path.read_text())
        if not name(path).startswith(f"{folder}/{plugin}/")
    ]
    assert found == []


# Each app and the apps above it, which it may not reach by name either.
ABOVE = {
    "knowledgebase": {"progressions", "artifacts"},
    "projects": {"progressions", "artifacts"},
    "progressions": {"artifacts"},
    "artifacts": set[str](),
}


def apps_reached_by_name(tree: ast.Module) -> Iterator[str]:
    """The apps that a module reaches by strings: `apps.get_model("app", ...)`, `reverse("admin:app_...")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func).rpartition(".")[2]
            first = ast.unparse(node.args[0]).lstrip("f").strip("'\"")
            if called == "get_model":
                yield first.partition(".")[0]
            if called in {"reverse", "reverse_lazy", "link_to"} and first.startswith("admin:"):
                yield first.removeprefix("admin:").partition("_")[0]


@pytest.mark.parametrize("app", ABOVE)
def test_no_app_reaches_one_above_it_by_name(app: str) -> None:
    found = [
        f"{name(path)} reaches {reached}"
        for path in modules(app)
        if "migrations" not in path.parts
        for reached in apps_reached_by_name(parsed(path))
        if reached in ABOVE[app]
    ]
    assert found == []


def test_back_doors_are_detected() -> None:
    source = "apps.get_model('progressions', 'Job')\nreverse(f'admin:artifacts_{name}_change', args=[1])"
    assert list(apps_reached_by_name(ast.parse(source))) == ["progressions", "artifacts"]


def test_no_package_holds_more_than_12_loose_modules() -> None:
    loose = Counter(
        path.parent
        for path in modules(*PACKAGES)
        if path.stem != "__init__" and path.parent.name != "migrations"
    )
    assert {name(folder): count for folder, count in loose.items() if count > 12} == {}


def test_each_shared_part_is_used_by_two_generators() -> None:
    users: dict[str, set[str]] = {path.stem: set() for path in (ROOT / "artifacts/parts").glob("[!_]*.py")}
    importing = re.compile(r"artifacts\.parts(?:\.(\w+) import| import ([\w, ]+))")
    for path in modules("artifacts"):
        by = "/".join(path.relative_to(ROOT).parts[:3])
        for one, several in importing.findall(path.read_text()):
            for part in [one] if one else several.split(", "):
                users.setdefault(part, set()).add(by)
    assert {part for part, by in users.items() if len(by - {f"artifacts/parts/{part}.py"}) < 2} == set()


def test_no_two_public_classes_share_a_name() -> None:
    # Django looks for a command and a database backend by these names.
    places: dict[str, list[str]] = {}
    for path in modules(*PACKAGES):
        if "migrations" not in path.parts:
            for node in parsed(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(name(path))
    shared = {found: where for found, where in places.items() if len(where) > 1}
    assert shared.keys() - {"Command", "DatabaseWrapper"} == set(), shared
