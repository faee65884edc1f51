"""The registry of plug-ins: what it finds in a folder, and what it refuses."""

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import pytest

from dali.lib.errors import DaliError
from dali.lib.registry import Registry, UnknownPluginError


class Instrument(ABC):
    """A contract."""

    name: ClassVar[str]
    strings: ClassVar[int]
    family: ClassVar[str] = "plucked"

    @abstractmethod
    def play(self) -> str:
        """Makes a sound."""


HEAD = f"from {__name__} import Instrument\n\n\n"
LUTE = "class Lute(Instrument):\n    name = 'lute'\n    strings = 15\n\n    def play(self): return 'pling'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package of plug-ins, `band`."""
    package = tmp_path / "band"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "band"]:
        monkeypatch.delitem(sys.modules, name)
    return package


def add(folder: Path, name: str, plugin: str) -> None:
    """Adds a folder of that name with the contract's file."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("")
    (folder / name / "instrument.py").write_text(HEAD + plugin)


def test_a_folder_without_the_file_is_not_a_plugin(folder: Path) -> None:
    add(folder, "lute", LUTE)
    (folder / "drum").mkdir()
    (folder / "drum" / "__init__.py").write_text("")
    assert Registry(Instrument, "band", "instrument", group="band").names() == ["lute"]


def test_a_file_in_a_folder_is_a_plugin(folder: Path) -> None:
    add(folder, "lute", LUTE)
    registry = Registry(Instrument, "band", "instrument", group="band")
    assert registry.names() == ["lute"]
    assert registry.get("lute").play() == "pling"
    with pytest.raises(UnknownPluginError, match=r"^'harp' is not known; known: lute$"):
        registry.get("harp")


@pytest.mark.parametrize(
    ("body", "lacking"),
    [
        ("name = 'lyre'\n    strings = 7", "play"),
        ("name = 'lyre'\n    def play(self): return ''", "strings"),
        ("pass", "play, name, strings"),
    ],
)
def test_an_incomplete_class_is_refused_by_name(folder: Path, body: str, lacking: str) -> None:
    add(folder, "lyre", f"class Lyre(Instrument):\n    {body}\n")
    with pytest.raises(DaliError, match=rf"^band\.lyre\.instrument\.Lyre lacks {lacking}$"):
        Registry(Instrument, "band", "instrument", group="band").names()


def test_two_plugins_of_one_name_are_refused(folder: Path) -> None:
    for name in ("one", "two"):
        add(folder, name, LUTE)
    with pytest.raises(DaliError, match=r"^two plug-ins of band are called 'lute'$"):
        Registry(Instrument, "band", "instrument", group="band").names()
