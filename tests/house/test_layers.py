"""The contracts of import-linter: that they cover everything, and that plug-in folders hold plug-ins alone."""

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import CONTRACTS, PACKAGES, ROOT, modules

CONFIGURATION: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LAYERS = {contract["id"]: contract for contract in CONFIGURATION["contracts"] if contract["type"] == "layers"}


def test_imports_keep_every_contract() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run(
        [linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_layers_that_leave_no_module_out(package: str) -> None:
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


@pytest.mark.parametrize(("folder", "contract"), CONTRACTS.items())
def test_a_folder_of_plugins_holds_plugins_alone(folder: str, contract: str) -> None:
    abstract = contract_of(contract)
    package = folder.replace("/", ".")
    for path in sorted((ROOT / folder).glob("*.py")):
        if path.name == "__init__.py":
            continue
        module = importlib.import_module(f"{package}.{path.stem}")
        own = [member for _, member in inspect.getmembers(module, inspect.isclass)]
        plugins = [
            member for member in own if member.__module__ == module.__name__ and issubclass(member, abstract)
        ]
        assert len(plugins) == 1, f"{path.name} holds {len(plugins)} plug-ins"


@pytest.mark.parametrize(("folder", "contract"), CONTRACTS.items())
def test_no_source_outside_its_folder_names_a_plugin_by_its_module(folder: str, contract: str) -> None:
    package = folder.replace("/", ".")
    importing = re.compile(rf"^\s*(from|import) {re.escape(package)}\.", re.MULTILINE)
    found = [
        path
        for path in modules(*PACKAGES)
        if path.parent != ROOT / folder and importing.search(path.read_text())
    ]
    assert found == []


def contract_of(module: str) -> type:
    """The contract's abstract class: called as the module is, capitalised."""
    abstract: type = getattr(importlib.import_module(module), module.rpartition(".")[2].capitalize())
    return abstract
