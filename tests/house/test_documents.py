"""The documents: what they list is what there is."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

from dali.settings.pages import written_files
from tests.house.tree import ROOT, documentation, files, modules, name

# What others set for their own sake, and Dali reads or hands on.
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE", "CI", "PYTEST_XDIST_WORKER"}
VARIABLE = re.compile(r"(?:environ\.get\(|environ\[|getenv\()\s*[\"']([A-Z][A-Z0-9_]+)[\"']")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")


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


def test_every_route_of_the_api_stands_in_the_readme() -> None:
    asked = {
        without_parameters(path)
        for path in re.findall(
            r"\$DALI(/[^\s\"?]*)|://127\.0\.0\.1:8000(/[^\s\"?]*)", (ROOT / "README.md").read_text()
        )
        for path in path
        if path
    }
    assert {route for route in routes() if route.startswith("/api/")} - asked - {"/api/docs"} == set()


def test_no_link_leads_to_a_missing_file() -> None:
    found = [
        f"{name(path)}: {target}"
        for path in files()
        if path.suffix == ".md"
        for target in LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ]
    assert found == []


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
    """The path with `*` for `<uuid:id>`, `$PROJECT` and the session id of the examples."""
    return re.sub(r"<[^>]+>|\$[A-Z]+|\bs-42\b", "*", path).rstrip("/")


def test_the_documents_are_there() -> None:
    pages = ("architecture", "deploy", "duplicates", "settings")
    assert [page for page in pages if not Path(ROOT / "docs" / f"{page}.md").is_file()] == []
