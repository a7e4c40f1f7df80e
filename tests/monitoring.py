"""Prometheus and Alertmanager for tests: real ones, on free ports, with a folder of their own."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml


@dataclass
class Monitoring:
    """A running Prometheus and what its Alertmanager has sent."""

    url: str
    sent: list[dict[str, Any]] = field(default_factory=list)

    def value(self, expression: str) -> list[dict[str, Any]]:
        """Return what a query finds now."""
        found = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10)
        assert found.status_code == 200, found.text
        result: list[dict[str, Any]] = found.json()["data"]["result"]
        return result

    def firing(self) -> set[str]:
        """Return the alerts that the webhook was told of."""
        return {
            alert["labels"]["alertname"]
            for message in self.sent for alert in message["alerts"] if alert["status"] == "firing"
        }  # fmt: skip


def require() -> None:
    """Skip where the programs are missing, which .ci/run installs."""
    for name in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed; .ci/run installs it")


@contextmanager
def monitoring(folder: Path, rules: str, target: str) -> Iterator[Monitoring]:
    """Scrape a server each second, evaluate rules each second, send what fires to a webhook."""
    require()
    ports = _free_ports(2)
    with ExitStack() as stack:
        found = Monitoring(f"http://127.0.0.1:{ports[0]}")
        hook = stack.enter_context(_webhook(found.sent))
        (folder / "alerts.yaml").write_text(rules)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_prometheus(target, ports[1])))
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(_alertmanager(hook)))
        manager = ["prometheus-alertmanager", "--config.file=alertmanager.yml",
                   f"--web.listen-address=127.0.0.1:{ports[1]}", "--cluster.listen-address=",
                   "--storage.path=alertmanager"]  # fmt: skip
        prometheus = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                      f"--web.listen-address=127.0.0.1:{ports[0]}"]  # fmt: skip
        for words, port in ((manager, ports[1]), (prometheus, ports[0])):
            ready = f"http://127.0.0.1:{port}/-/ready"
            stack.enter_context(_started(words, folder, ready))
        yield found


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)
    pytest.fail(f"after {seconds:g} s still not: {what}")


def _prometheus(target: str, alertmanager: int) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yaml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
        },
        "scrape_configs": [{"job_name": "playbill", "static_configs": [{"targets": [target]}]}],
    }


def _alertmanager(hook: str) -> dict[str, Any]:
    waits = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
    return {
        "route": {"receiver": "hook", "group_by": ["alertname"], **waits},
        "receivers": [{"name": "hook", "webhook_configs": [{"url": hook}]}],
    }


@contextmanager
def _started(words: list[str], folder: Path, ready: str) -> Iterator[None]:
    with (folder / f"{words[0]}.log").open("w") as log:
        process = subprocess.Popen(
            words, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env={**os.environ, "GOMAXPROCS": "1"},
        )  # fmt: skip
        try:
            wait_for(lambda: process.poll() is not None or _answers(ready), 30, ready)
            assert process.poll() is None, (folder / f"{words[0]}.log").read_text()[-2000:]
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def _webhook(sent: list[dict[str, Any]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; these programs cannot be asked for any."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
