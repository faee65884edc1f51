"""An outside service is one folder: no other source names it, and adding a folder is all that a new one takes."""

import ast
import io
import json
import re
import shutil
import subprocess
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, modules, name, parsed, text_files

VENDORS = "progressions/vendors/"
NAMES = re.compile(
    r"(?i)openai|gemini|cloudflare|\bmock\b|workers[ _](ai|model)|[\"']workers[\"']|@cf/|\bgpt-"
)
# Sources outside the folders that name a service all the same, and why.
ALLOWED = {
    "artifacts/publishing/visitors.py": "Cloudflare as the proxy in front of Dali, which is not a plug-in",
    "dali/lib/web/client_address.py": "Cloudflare as the proxy in front of Dali, which is not a plug-in",
    "dali/settings/checks.py": "Cloudflare as the proxy in front of Dali, which is not a plug-in",
    "dali/settings/server.py": "Cloudflare as the proxy in front of Dali, which is not a plug-in",
    "dali/settings/storage.py": "R2 as an example of an S3 server",
    "dali/lib/web/schema/views.py": "an example of a field name in the API document",
    "dali/management/commands/demo.py": "the demonstration needs the provider that works without a key",
    "dali/management/commands/generate.py": "the default is the provider that works without a key",
    "progressions/stream/event_types.py": "an example in the API document",
    "templates/home.html": "the first steps use the provider that works without a key",
}


def code_of(path: Path) -> Iterator[str]:
    """The names and texts of a Python file, without comments and docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        node.body[0].lineno
        for node in ast.walk(parsed(path))
        if isinstance(node, documented) and ast.get_docstring(node, clean=False)
    }
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type in (tokenize.NAME, tokenize.STRING) and token.start[0] not in docstrings:
            yield token.string


def test_no_source_outside_the_folders_names_a_service() -> None:
    sources = {
        name(path): code_of(path)
        for path in modules(*PACKAGES)
        if not name(path).startswith(VENDORS) and path.parent.name != "migrations"
    }
    sources |= {
        name(path): iter([path.read_text(encoding="utf-8")])
        for path in text_files()
        if name(path).startswith(("templates/", "static/", "fixtures/"))
    }
    found = {file for file, texts in sources.items() if any(NAMES.search(text) for text in texts)}
    assert found - ALLOWED.keys() == set()


FOLDER = {
    "__init__.py": '"""Acme."""',
    "settings.py": """
        from dali import env

        env.group("Acme")
        ACME_KEY = env.text("ACME_KEY", secret=True, help="API key of Acme.")
    """,
    "provider.py": """
        from dali.lib.calls.answers.usage import Unit, Usage
        from progressions.enums import Kind
        from progressions.provider import Provider, ProviderImage


        class AcmeProvider(Provider):
            name, title = "acme", "Acme Pictures"
            required_settings = ("ACME_KEY",)
            kinds, models, sizes = frozenset({Kind.GENERATE}), ("acme-1",), ("512x512",)
            limits = {"min_px": 64, "max_px": 512}

            def check(self, draft):
                pass

            def estimate(self, draft):
                return Usage("acme", draft.model, {Unit.IMAGE: 1})

            def call(self, request):
                return ProviderImage(b"", request.model)
    """,
    "judge.py": """
        from progressions.judge import Judge, Verdict


        class AcmeJudge(Judge):
            name, preference = "acme", 1000
            required_settings = ("ACME_KEY",)

            def judge(self, request):
                return Verdict(None, ["Nothing was checked."])
    """,
    "checks.py": """
        from django.core.checks import Warning, register


        @register("acme")
        def check_nothing(app_configs, **kwargs):
            return [Warning("Acme is checked", id="acme.W001")]
    """,
    "management/__init__.py": "",
    "management/commands/__init__.py": "",
    "management/commands/acme.py": """
        from django.core.management.base import BaseCommand


        class Command(BaseCommand):
            def handle(self, **options):
                self.stdout.write("Acme runs.")
    """,
    "prices.json": json.dumps([
        {
            "model": "knowledgebase.price",
            "fields": {
                "service": "acme", "model": "acme-1", "unit": "images", "usd": "0.03", "per": 1, "source": "Acme",
                "read_on": "2026-11-30", "updated_at": "2026-11-30T00:00:00Z",
            },
        }
    ]),
    "tips.json": json.dumps([
        {
            "model": "knowledgebase.tip",
            "pk": "acme.light",
            "fields": {
                "provider": "acme", "value": {"addition": "soft light"}, "updated_at": "2026-11-30T00:00:00Z",
            },
        }
    ]),
}  # fmt: skip
LOOK = """
import io, json, django
django.setup()
from django.core import checks
from django.core.management import call_command
from django.test import Client
from dali.settings.documentation import settings_page
from knowledgebase.price_page import prices_page
from knowledgebase.queries import tips_for
from progressions.judge import judge_in_use

call_command("migrate", verbosity=0)
call_command("seed", stdout=io.StringIO())
said = io.StringIO()
call_command("acme", stdout=said)
rows = Client(SERVER_NAME="localhost").get("/api/providers").json()
print(json.dumps({
    "provider": next(row for row in rows if row["id"] == "acme"),
    "judge": judge_in_use().name,
    "setting": "| `ACME_KEY` | text | none | API key of Acme. |" in settings_page(),
    "prices": "## Acme Pictures" in prices_page(),
    "tips": [tip.addition for tip in tips_for("acme")],
    "checks": [message.id for message in checks.run_checks(tags=["acme"])],
    "command": said.getvalue(),
}))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the product."""
    for folder in (*PACKAGES, "fixtures", "static", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(code: str, checkout: Path, **variables: str) -> str:
    """What the code prints, with this checkout and these variables alone."""
    given = {"DJANGO_SETTINGS_MODULE": "dali.settings", "DALI_DATA_DIR": str(checkout / "data"), **variables}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=given, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_service_is_added_by_its_folder(checkout: Path) -> None:
    for file, text in FOLDER.items():
        path = checkout / VENDORS / "acme" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    found = json.loads(run(LOOK, checkout, ACME_KEY="secret-of-acme").splitlines()[-1])
    provider = found.pop("provider")
    assert (provider["name"], provider["configured"], provider["models"]) == (
        "Acme Pictures",
        True,
        ["acme-1"],
    )
    assert provider["price"] == {"usd_per_image": 0.03, "source": "Acme", "date": "2026-11-30"}
    assert found == {
        "judge": "acme",
        "setting": True,
        "prices": True,
        "tips": ["soft light"],
        "checks": ["acme.W001"],
        "command": "Acme runs.\n",
    }


def test_another_distribution_brings_settings_and_a_preferred_judge(tmp_path: Path) -> None:
    for file in ("__init__.py", "settings.py", "judge.py"):
        path = tmp_path / "acme" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(FOLDER[file]))
    (tmp_path / "acme-1.0.dist-info").mkdir()
    (tmp_path / "acme-1.0.dist-info" / "METADATA").write_text("Name: acme\nVersion: 1.0\n")
    (tmp_path / "acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[progressions.settings]\nacme = acme.settings\n[progressions.judges]\nacme = acme.judge\n"
    )
    code = (
        "import django; django.setup()\n"
        "from progressions.judge import judge_in_use\n"
        "from dali.settings.documentation import settings_page\n"
        "print(judge_in_use().name, 'ACME_KEY' in settings_page())"
    )
    data = str(tmp_path / "data")
    given = {"ACME_KEY": "secret-of-acme", "PYTHONPATH": str(tmp_path), "DALI_DATA_DIR": data}
    assert run(code, ROOT, **given).split() == ["acme", "True"]
    del given["ACME_KEY"]
    assert run(code, ROOT, **given).split() == ["local", "True"]
