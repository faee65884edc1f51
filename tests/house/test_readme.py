"""The README's commands, run as they stand, in order, against a real server."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.conftest import ServerProcess
from tests.house.tree import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
SOCKETS = re.findall(r'wscat -c "(ws://127\.0\.0\.1:8000[^"]*)"', README)

# Every curl must succeed and end: the commands' own flags come after these.
STRICT = """
set -euo pipefail
curl() { command curl --fail-with-body --max-time 30 --noproxy '*' "$@" || { echo "curl failed: $*" >&2; return 1; }; }
"""


def run(script: str, server: ServerProcess, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs the script with the server's address and key, in a folder of its own."""
    return subprocess.run(
        ["bash", "-c", STRICT + script],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "DALI": server.origin, "KEY": server.api_key},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_the_commands_of_the_readme_run_in_order_as_they_stand(
    live_server_process: ServerProcess, tmp_path: Path
) -> None:
    result = run("\n".join(COMMANDS), live_server_process, tmp_path)
    assert result.returncode == 0, f"{result.stdout[-1500:]}\n{result.stderr[-1500:]}"
    assert (tmp_path / "openapi.yaml").stat().st_size > 1000
    assert (tmp_path / "lighthouse.webp").read_bytes()[8:12] == b"WEBP"
    assert re.search(r'^data: ?\{"seq":1,"type":"queued"', result.stdout, re.MULTILINE)
    assert '"ticket":"' in result.stdout


def test_a_command_that_fails_is_seen_to_fail(live_server_process: ServerProcess, tmp_path: Path) -> None:
    result = run('curl -sS "$DALI/api/projects/none" | cat', live_server_process, tmp_path)
    assert result.returncode != 0


@pytest.mark.parametrize("address", SOCKETS)
def test_the_sockets_of_the_readme_open(
    live_server_process: ServerProcess, address: str, tmp_path: Path
) -> None:
    submitted = run(
        COMMANDS[0]
        + """
        P=$(curl -sS "$DALI/api/projects" -H "X-Api-Key: $KEY" -H "Content-Type: application/json" \\
          -d '{"name": "Piers"}' | pick id)
        curl -sS "$DALI/api/projects/$P/jobs" -H "X-Api-Key: $KEY" -H "Content-Type: application/json" \\
          -d '{"prompt": "a pier", "providers": ["mock"], "sessionId": "s-42"}'
        """,
        live_server_process,
        tmp_path,
    )
    assert submitted.returncode == 0, submitted.stderr
    here = address.replace("ws://127.0.0.1:8000", live_server_process.origin.replace("http", "ws"))
    with connect(here, proxy=None) as socket:
        first = json.loads(socket.recv(timeout=60))
    first = first[0] if "batch=1" in address else first
    assert (first["seq"], first["type"], first["sessionId"]) == (1, "queued", "s-42")


def test_the_readme_has_commands_and_sockets_to_try() -> None:
    assert len(COMMANDS) >= 6
    assert len(SOCKETS) == 2


def test_generate_works_beside_a_running_server(
    start_server: Callable[..., ServerProcess], live_server_process: ServerProcess
) -> None:
    result = generate(live_server_process, "a lighthouse at dusk, oil on canvas", "--variants", "2")
    assert result.returncode == 0, result.stderr
    lines = re.findall(r"^mock \d  (?:pass|fail|not judged)  (\S+)$", result.stdout, re.MULTILINE)
    assert len(lines) == 2
    assert all(address.startswith(f"{live_server_process.origin}/") for address in lines)
    assert "No server runs" not in result.stdout


def test_generate_says_what_is_wrong_and_ends_with_2(live_server_process: ServerProcess) -> None:
    result = generate(live_server_process, "a pier", "--providers", "nope")
    assert result.returncode == 2
    assert "'nope'" in result.stderr
    assert "mock" in result.stderr


def generate(server: ServerProcess, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `manage.py generate` on the server's data directory."""
    return subprocess.run(
        [sys.executable, "manage.py", "generate", *arguments],
        cwd=ROOT,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
