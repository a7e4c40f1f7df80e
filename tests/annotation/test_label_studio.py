"""The same files in a real Label Studio, if PLAYBILL_LABEL_STUDIO names its command.

python3 -m venv studio && studio/bin/pip install label-studio      (two minutes, 1 GB)
PLAYBILL_LABEL_STUDIO=studio/bin/label-studio pytest -m slow tests/annotation/test_label_studio.py
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from playbill.annotation.labelstudio import labels
from playbill.pipeline.annotating import ask, read
from tests.annotation.test_label import log, profile, project

COMMAND = os.environ.get("PLAYBILL_LABEL_STUDIO")
TOKEN = "0123456789abcdef0123456789abcdef01234567"
SECONDS = 180

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not COMMAND, reason="PLAYBILL_LABEL_STUDIO names no label-studio"),
]
__all__ = ["log"]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[httpx.Client]:
    """A Label Studio of its own, with SQLite, on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert COMMAND is not None
    words = [
        COMMAND, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port),
        "--username", "someone@example.org", "--password", "not-a-secret", "--user-token", TOKEN,
    ]  # fmt: skip
    env = {
        **os.environ, "LABEL_STUDIO_BASE_DATA_DIR": str(tmp_path / "studio"),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true", "COLLECT_ANALYTICS": "false",
    }  # fmt: skip
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, env=env, stdout=quiet, stderr=quiet)
    try:
        headers = {"Authorization": f"Token {TOKEN}"}
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            until = time.monotonic() + SECONDS
            while not _ready(client):
                assert process.poll() is None
                assert time.monotonic() < until
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def _asked(client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    answer = client.request(method, path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def test_tasks_go_in_and_labels_come_out(studio: httpx.Client, log: Path, tmp_path: Path) -> None:
    made = ask(project(rows=12), str(log), tmp_path / "round", profile(), 0.4)
    config = {"title": "visits", "label_config": made.interface.read_text()}
    number = _asked(studio, "POST", "/api/projects", config)["id"]
    tasks = json.loads(made.tasks.read_text())
    taken = _asked(studio, "POST", f"/api/projects/{number}/import", tasks)
    assert (taken["task_count"], taken["prediction_count"]) == (12, 12)
    listed = _asked(studio, "GET", f"/api/tasks?project={number}&page_size=100")
    listed = listed["tasks"] if isinstance(listed, dict) else listed
    said = {}
    for count, task in enumerate(listed):
        choice = {"choices": [str(count % 2)]}
        result = {"from_name": "truth", "to_name": "question", "type": "choices", "value": choice}
        _asked(studio, "POST", f"/api/tasks/{task['id']}/annotations/", {"result": [result]})
        said[task["data"]["prediction_id"]] = str(count % 2)
    for kind in ("JSON", "JSON_MIN"):
        exported = _asked(studio, "GET", f"/api/projects/{number}/export?exportType={kind}")
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(exported))
        assert {one.prediction_id: one.value for one in labels(path)} == said
        assert read(project(), [path]).settled.truths == said
