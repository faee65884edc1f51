"""The commands generate, recover, demo and describe_settings."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dali.lib.errors import InputError
from dali.management.commands import generate
from dali.settings.documentation import settings_page
from projects.models import Project
from tests.conftest import FOREIGN, ROOT
from tests.waiting import wait_until

OPTIONS: dict[str, Any] = {
    "prompt": "a pier",
    "providers": "mock, other",
    "variants": 3,
    "model": [],
    "allow_duplicates": False,
    "options": "{}",
    "kind": None,
    "size": None,
    "seed": None,
    "max_cost_usd": None,
    "parent": None,
    "start_image": None,
    "mask_image": None,
}


def start(data_dir: Path, *arguments: str) -> "subprocess.Popen[str]":
    """`manage.py` with its own data directory, where no server runs."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment | {"DALI_DATA_DIR": str(data_dir), "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def test_the_options_become_the_body_of_a_submission() -> None:
    body = generate.request_body(
        {**OPTIONS, "seed": 7, "model": ["mock=one"], "options": '{"mock": {"latency_s": 1}}'}
    )
    assert body.pop("sessionId").startswith("cli-")
    assert body == {
        "prompt": "a pier",
        "providers": ["mock", "other"],
        "variants": 3,
        "models": {"mock": "one"},
        "allowDuplicates": False,
        "options": {"mock": {"latency_s": 1}},
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"model": ["mock"]}, "--model"),
        ({"options": "{"}, "--options"),
        ({"start_image": "nowhere.png"}, "startImageUrl"),
    ],
)
def test_options_that_cannot_be_read_are_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        generate.request_body({**OPTIONS, **options})
    assert caught.value.field == field


@pytest.mark.django_db
def test_a_project_is_found_by_id_or_name_or_created() -> None:
    made = generate.find_project("Piers")
    assert generate.find_project("Piers") == made
    assert generate.find_project(str(made.id)) == made
    cafe = generate.find_project("Cafe\u0301")
    assert (generate.find_project("Caf\u00e9"), cafe.name) == (cafe, "Cafe\u0301")
    Project.objects.filter(pk=cafe.pk).delete()
    assert Project.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"options": "{"},
            '--options: "{" is not valid JSON: a name in double quotes is missing at line 1, column 2.',
        ),
        (
            {"options": '{"mock": ' + "9" * 5000 + "}"},
            '--options: "{\\"mock\\": '
            + "9" * 45
            + "... is not valid JSON: a whole number has more than 300 digits.",
        ),
        ({"variants": 101}, "variants: 101 is out of range; send 1 to 100."),
        ({"prompt": "  "}, "prompt: is empty; send at least one character other than a space."),
        ({"providers": "nope"}, "providers: 'nope' is not known; known: gemini, mock, openai, workers"),
        (
            {"kind": "edit"},
            "--start-image: mock cannot edit without an image: send --start-image or --parent",
        ),
        ({"parent": "5"}, '--parent: "5" is not an id; send one from an answer of this API.'),
        (
            {"start_image": __file__},
            (
                f"--start-image: {__file__!r} was refused: this is text, not an image;"
                " send PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"
            ),
        ),
    ],
)
def test_bad_input_is_exit_code_2(options: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandError) as caught:
        generate.submit({**OPTIONS, "providers": "mock", "project": "Piers", **options})
    assert caught.value.returncode == 2
    assert str(caught.value) == said
    assert not Project.objects.exists()


@pytest.mark.rest
def test_generate_runs_the_job_itself_without_a_server_and_accepts_a_file(tmp_path: Path) -> None:
    first = ended(start(tmp_path, "generate", "a red barn"))
    assert first[0] == 0, first[2]
    assert "No server is running" in first[1]
    picture = next((tmp_path / "delivery").rglob("*.webp"))
    second = ended(start(tmp_path, "generate", "the barn at night", "--start-image", str(picture)))
    assert second[0] == 0, second[2]
    with sqlite3.connect(tmp_path / "dali.sqlite3") as database:
        kinds = database.execute("SELECT kind FROM jobs ORDER BY created_at").fetchall()
    assert kinds == [("generate",), ("edit",)]


@pytest.mark.rest
def test_generate_exits_with_1_when_a_variant_failed(tmp_path: Path) -> None:
    fault = json.dumps({"mock": {"fault": "refused"}})
    code, output, _ = ended(start(tmp_path, "generate", "a red barn", "--options", fault))
    assert code == 1
    assert re.search(r"^mock 0  failed\n    refused: ", output, re.MULTILINE)


@pytest.mark.rest
def test_recover_resumes_the_work_of_a_killed_process_and_reports_it(tmp_path: Path) -> None:
    slow = json.dumps({"mock": {"latency_s": 3}})
    killed = start(tmp_path, "generate", "a red barn", "--options", slow)
    wait_until_running(tmp_path / "dali.sqlite3")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    code, output, errors = ended(start(tmp_path, "recover"))
    assert code == 0, errors
    assert re.fullmatch(r"job (\S+): 1 not ended\njob \1: 1 complete\n1 jobs resumed\.\n", output), output
    assert ended(start(tmp_path, "recover"))[1] == "Nothing was unfinished.\n"


@pytest.mark.rest
def test_the_demo_shows_four_images_and_succeeds(tmp_path: Path) -> None:
    code, output, errors = ended(start(tmp_path, "demo", "--once", "--prompt", "a harbour in fog"))
    assert code == 0, f"{output}\n{errors}"
    assert (
        len(
            re.findall(
                r"^mock [0-3]  (?:pass|fail)  http://127\.0\.0\.1:\d+/images/\S+$", output, re.MULTILINE
            )
        )
        == 4
    )
    assert re.search(r"API key of this first start, shown this once:  \S+\.\S+ ", output)
    assert "admin / " in output


def test_describe_settings_prints_the_page_and_checks_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("describe_settings")
    assert capsys.readouterr().out == settings_page() + "\n" * (not settings_page().endswith("\n"))
    call_command("describe_settings", "--check")


def wait_until_running(database: Path) -> None:
    """Returns once a variant is in progress in that database."""

    def is_under_way() -> bool:
        try:
            with closing(sqlite3.connect(database)) as rows:
                sent = rows.execute("SELECT 1 FROM steps WHERE name = 'generate' AND status = 'sent'")
                return sent.fetchone() is not None
        except sqlite3.OperationalError:  # not created yet
            return False

    wait_until(is_under_way, "a variant was taken")
