"""After a warm-up the first job needs no more imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FOREIGN, ROOT

FIRST_JOB = """
import sys
import django
django.setup()
from dali.server.bootstrap import prepare
key = prepare().api_key
import dali.asgi
from contextvars import copy_context
from dali.warmup import warm_up
carried = len(copy_context())
warm_up()
assert len(copy_context()) == carried, "every request would carry what the warm-up left in the context"
from rest_framework.test import APIClient
client = APIClient(headers={"X-Api-Key": key})
project = client.post("/api/projects", {"name": "First"}).json()["id"]
before = set(sys.modules)
job = {"prompt": "a pier", "providers": ["mock"], "sessionId": "first"}
answer = client.post(f"/api/projects/{project}/jobs", job)
assert answer.status_code == 202, answer.content
print(sorted(set(sys.modules) - before))
"""


@pytest.mark.rest
def test_the_first_job_imports_nothing_heavy(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", FIRST_JOB],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    imported = eval(result.stdout.splitlines()[-1])
    heavy = {
        "openai",
        "google",
        "PIL",
        "numpy",
        "boto3",
        "botocore",
        "dali",
        "progressions",
        "artifacts",
        "knowledgebase",
    }
    assert [name for name in imported if name.partition(".")[0] in heavy] == []
    assert len(imported) < 60
