"""Sizes, names and words of the project's files."""

import re
from pathlib import Path

from tests.house.tree import APPS, PACKAGES, ROOT, files, modules, name, parsed, text_files

# Fixed; new files go into one of these.
TOP_LEVEL = {
    ".ci",
    ".env.example",
    ".gitignore",
    "Makefile",
    "README.md",
    "artifacts",
    "dali",
    "docs",
    "fixtures",
    "knowledgebase",
    "manage.py",
    "progressions",
    "projects",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements-uvicorn.lock",
    "requirements.lock",
    "static",
    "templates",
    "tests",
}
SAYS_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "misc",
    "manager",
    "managers",
    "stuff",
}
# Written in pieces, so that this file keeps its own rule.
OF_ELSEWHERE = re.compile(
    "|".join(
        (
            r"https?://[^\s\"']*/" + r"simple\b",
            r"(py" + r"pi|pythonhosted)\.org",
            r"--(extra-)?" + r"index-url [^\s]",
            r"(?<![\w.])/wor" + r"k/",
            r"(?<![\w.])/ro" + r"ot/",
            r"before-" + r"stop",
            r"cla" + r"ude|anth" + r"ropic",
        )
    ),
    re.IGNORECASE,
)
UNFINISHED = re.compile(
    r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|coming " + r"soon|lorem " + r"ipsum", re.IGNORECASE
)


def test_the_top_level_is_complete_and_has_nothing_new() -> None:
    present = {path.relative_to(ROOT).parts[0] for path in files()}
    assert present - TOP_LEVEL == set()
    assert TOP_LEVEL - present == set()


def test_no_source_file_is_longer_than_400_lines_and_no_test_file_than_600() -> None:
    def limit(path: Path) -> int:
        return 600 if name(path).startswith("tests/") else 400

    written = [path for path in modules() if "migrations" not in path.parts]
    lengths = {name(path): (len(path.read_text().splitlines()), limit(path)) for path in written}
    assert {file: length for file, (length, most) in lengths.items() if length > most} == {}


def test_no_file_has_a_meaningless_name() -> None:
    found = {name(path) for path in modules(*PACKAGES) if path.stem in SAYS_NOTHING}
    assert found == {"dali/lib/db/postgresql/base.py", "dali/lib/db/sqlite/base.py"}, (
        "Django looks for a backend in `base`; no other file may have that name"
    )


def test_every_module_has_a_docstring() -> None:
    unsaid = []
    for path in modules():
        if "migrations" in path.parts:
            continue
        body = parsed(path).body
        is_said = bool(body) and isinstance(getattr(getattr(body[0], "value", None), "value", None), str)
        if not is_said:
            unsaid.append(name(path))
    assert unsaid == []


def test_no_file_names_a_registry_or_a_place_outside_the_repository() -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in [*text_files(), ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OF_ELSEWHERE.search(line)
    ]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_migrations_are_named_for_what_they_do() -> None:
    unnamed = re.compile(r"\d{4}_(auto_|alter_|remove_|rename_|add_.*_and_more|.*_and_more)")
    found = [
        name(path) for path in modules(*APPS) if path.parent.name == "migrations" and unnamed.match(path.stem)
    ]
    assert found == []


def test_tests_mirror_the_folders_of_the_source() -> None:
    of_their_own = {"house", "flows", "bench", "browser", "node", "vendors", *PACKAGES}
    folders = [path.relative_to(ROOT).parts for path in files() if name(path).startswith("tests/")]
    tops = {parts[1] for parts in folders if len(parts) > 2}
    assert tops - of_their_own == set()
