"""The documents list, link and name what exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from dali.settings.documentation import written_files
from tests.house.tree import PACKAGES, ROOT, documentation, documents, files, modules, name, parsed

# Variables of other programs that Dali reads or passes on.
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE", "CI", "PYTEST_XDIST_WORKER"}
VARIABLE = re.compile(r"(?:environ\.get\(|environ\[|getenv\()\s*[\"']([A-Z][A-Z0-9_]+)[\"']")
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
NAMED_PATH = re.compile(r"(?<![\w./$-])(?:\./)?([\w.-]+(?:/[\w.<>{}*-]+)+)/?")
NAMED_MODULE = re.compile(rf"(?<![\w./@-])((?:{'|'.join((*PACKAGES, 'tests'))})(?:\.\w+)+)")


def test_the_lists_of_settings_are_those_of_the_code() -> None:
    for path, text in written_files().items():
        assert path.read_text() == text, f"{path.name}: ./manage.py describe_settings --write"


def test_every_variable_that_any_file_reads_is_listed() -> None:
    listed = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs" / "settings.md").read_text()))
    read = {variable for path in modules() for variable in VARIABLE.findall(path.read_text())}
    assert read - listed - NOT_SETTINGS == set()


def test_every_command_is_described() -> None:
    commands = {path.stem for path in modules() if path.parent.name == "commands" and path.stem != "__init__"}
    text = documentation()
    assert {
        command for command in commands if f"`{command}" not in text and f"manage.py {command}" not in text
    } == set()


def test_every_make_target_is_described_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (help .*)$", makefile, re.MULTILINE)
    assert phony is not None
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(phony[1].split()) == described
    assert described >= {"help", "demo", "run", "test", "test-rest", "test-all", "check", "fmt", "bench"}


def test_every_route_of_the_api_is_called_in_api_md() -> None:
    called = {
        without_parameters(path)
        for found in re.findall(
            r"\$DALI(/[^\s\"?]*)|://127\.0\.0\.1:8000(/[^\s\"?]*)", (ROOT / "docs" / "api.md").read_text()
        )
        for path in found
        if path
    }
    assert {route for route in routes() if route.startswith("/api/")} - called - {"/api/docs"} == set()


def test_no_link_leads_to_a_missing_file_or_heading() -> None:
    found = [
        f"{name(page)}: {target}#{heading}"
        for page in documents()
        for target, heading in LINK.findall(page.read_text())
        if not leads_somewhere(page.parent / target if target else page, heading)
    ]
    assert found == []


def leads_somewhere(target: Path, heading: str) -> bool:
    """Whether the file is there and has the heading, in the form that links have."""
    if not target.exists() or not heading:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", target.read_text()), re.MULTILINE)
    return heading in {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_path_named_in_a_document_exists() -> None:
    found = [
        f"{name(page)}: {path}"
        for page in documents()
        for path in paths_in(page)
        if not (ROOT / path).exists()
    ]
    assert found == []


def paths_in(page: Path) -> Iterator[str]:
    """The paths below the project's folders that stand in code spans; those with placeholders are left out."""
    folders = {path.relative_to(ROOT).parts[0] for path in files() if path.parent != ROOT}
    for span in spans(page):
        for path in NAMED_PATH.findall(span):
            if path.partition("/")[0] in folders and not set("<>{}*") & set(path):
                yield path.rstrip(".")


def test_every_module_named_in_a_document_exists() -> None:
    # Names such as entry point groups and file formats are strings of the code.
    strings = {
        node.value
        for path in modules(*PACKAGES)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    found = [
        f"{name(page)}: {dotted}"
        for page in documents()
        for span in spans(page)
        for dotted in NAMED_MODULE.findall(span)
        if dotted not in strings and not is_there(dotted) and not (ROOT / dotted).exists()
    ]
    assert found == []


def spans(page: Path) -> list[str]:
    """The code spans of a document, without its blocks."""
    return CODE.findall(FENCED.sub("", page.read_text()))


def is_there(dotted: str) -> bool:
    """Whether it names a package, a module, or what a module defines."""
    path = ROOT / dotted.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    parent, member = path.parent, path.name
    while not parent.with_suffix(".py").is_file() and not (parent / "__init__.py").is_file():
        parent, member = parent.parent, parent.name
        if parent == ROOT:
            return False
    module = parent.with_suffix(".py") if parent.with_suffix(".py").is_file() else parent / "__init__.py"
    return (
        re.search(
            rf"^(?:class |def |async def )?{member}\b|import .*\b{member}\b", module.read_text(), re.MULTILINE
        )
        is not None
    )


@pytest.mark.parametrize(
    ("dotted", "expected"),
    [
        ("dali.lib", True),
        ("dali.env", True),
        ("dali.lib.registry.Registry", True),
        ("dali.lib.registry.Registry.all", True),
        ("dali.lib.registry.Nothing", False),
        ("dali.lib.nothing", False),
        ("dali.nothing.at_all", False),
    ],
)
def test_names_of_the_code_are_told_from_others(dotted: str, *, expected: bool) -> None:
    assert is_there(dotted) is expected


def test_every_page_of_docs_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in readme] == []


def routes() -> set[str]:
    """Every address that Django answers to, with `*` for its parameters."""
    return {without_parameters("/" + path) for path in paths(get_resolver())}


def paths(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every path below a resolver, as it is written in the code."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield path
        elif not path.startswith("admin"):
            yield from paths(pattern, path)


def without_parameters(path: str) -> str:
    """The path with `*` for `<uuid:id>`, `$PROJECT` and the examples' session id."""
    return re.sub(r"<[^>]+>|\$[A-Z]+|\bs-42\b", "*", path).rstrip("/")
