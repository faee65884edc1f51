"""The files of the repository, as the house rules see them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("projects", "knowledgebase", "progressions", "artifacts")
PACKAGES = ("dali", *APPS)
# Folders whose subfolders each hold plug-ins, and the contracts that their files may implement.
CONTRACTS = {
    "progressions/vendors": {
        "provider": "progressions.provider.Provider",
        "judge": "progressions.judge.Judge",
        "text_model": "progressions.text_model.TextModel",
        "delivery": "progressions.delivery.Delivery",
    },
    "artifacts/generators": {"generator": "artifacts.generator.Generator"},
}


@cache
def files() -> tuple[Path, ...]:
    """Every file of the project: tracked by git, or not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def modules(*folders: str) -> list[Path]:
    """The Python files below these folders of the repository; all if no folder is given."""
    return [
        path
        for path in files()
        if path.suffix == ".py" and (not folders or path.relative_to(ROOT).parts[0] in folders)
    ]


def name(path: Path) -> str:
    """The path within the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def text_files() -> list[Path]:
    """Files that people write: no pictures, no locks."""
    return [
        path for path in files() if path.suffix not in {".lock", ".png", ".webp", ".jpg", ".ico", ".woff2"}
    ]


def documents() -> list[Path]:
    """README, the pages of docs and those in the code's own folders."""
    return [path for path in files() if path.suffix == ".md"]


def documentation() -> str:
    """All documents in one text."""
    return "\n".join(page.read_text(encoding="utf-8") for page in documents())
