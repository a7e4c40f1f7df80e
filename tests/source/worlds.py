"""Real worlds that sources read: files, databases, servers; each can be written, and can break."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd

Row = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


class World:
    """Something outside that holds rows of id, day, x and word.

    Attributes:
        config: The source's config.
        is_stored: False if an edit of the world is noticed by itself.
    """

    config: dict[str, Any]
    is_stored = True

    def write(self, rows: list[Row]) -> None:
        """Let the world hold these rows."""
        raise NotImplementedError

    def destroy(self) -> None:
        """Let nobody read it any more."""
        raise NotImplementedError


class Files(World):
    """A file of the project in one of four formats."""

    is_stored = False

    def __init__(self, root: Path, ending: str) -> None:
        self.path = root / f"rows.{ending}"
        self.config = {"kind": "file", "path": self.path.name, "time": "day", "key": "id"}

    def write(self, rows: list[Row]) -> None:
        frame = pd.DataFrame(rows, columns=["id", "day", "x", "word"])
        if self.path.suffix == ".csv":
            frame.to_csv(self.path, index=False)
        elif self.path.suffix == ".jsonl":
            frame.to_json(self.path, orient="records", lines=True)
        elif self.path.suffix == ".xlsx":
            frame.to_excel(self.path, index=False)
        else:
            frame.to_parquet(self.path)

    def destroy(self) -> None:
        self.path.unlink(missing_ok=True)


class Sqlite(World):
    """A SQLite file."""

    query = "SELECT id, day, x, word FROM r WHERE day >= :start AND day < :end ORDER BY day, id"

    def __init__(self, root: Path) -> None:
        self.path = root / "world.sqlite"
        self.config = {
            "kind": "sql", "url": f"sqlite:///{self.path}", "query": self.query,
            "time": "day", "key": "id", "batch_rows": 2,
        }  # fmt: skip

    def write(self, rows: list[Row]) -> None:
        self.path.unlink(missing_ok=True)
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute("CREATE TABLE r (id TEXT, day TEXT, x INTEGER, word TEXT)")
            connection.executemany("INSERT INTO r VALUES (:id, :day, :x, :word)", rows)
        connection.close()

    def destroy(self) -> None:
        self.path.write_bytes(b"no database")


class DuckDb(World):
    """A DuckDB file."""

    def __init__(self, root: Path) -> None:
        self.path = root / "world.duckdb"
        self.config = {
            "kind": "sql", "url": f"duckdb:///{self.path}", "query": Sqlite.query,
            "time": "day", "key": "id", "batch_rows": 2,
        }  # fmt: skip

    def write(self, rows: list[Row]) -> None:
        import duckdb

        self.path.unlink(missing_ok=True)
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("CREATE TABLE r (id TEXT, day DATE, x INT, word TEXT)")
            for row in rows:
                connection.execute("INSERT INTO r VALUES ($id, $day, $x, $word)", row)

    def destroy(self) -> None:
        self.path.write_bytes(b"no database")


class Postgres(World):
    """A table of a PostgreSQL server."""

    def __init__(self, port: int) -> None:
        self.url = f"postgresql+psycopg://reader@127.0.0.1:{port}/postgres"
        self.config = {
            "kind": "sql", "url": self.url, "query": Sqlite.query,
            "time": "day", "key": "id", "batch_rows": 2,
        }  # fmt: skip

    def write(self, rows: list[Row]) -> None:
        self.run("DROP TABLE IF EXISTS r", "CREATE TABLE r (id TEXT, day DATE, x INT, word TEXT)")
        self.run("INSERT INTO r VALUES (:id, CAST(:day AS DATE), :x, :word)", rows=rows)

    def run(self, *statements: str, rows: list[Row] | None = None) -> None:
        """Run statements, the last for each row."""
        import sqlalchemy as sa

        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            for statement in statements:
                if rows != []:
                    connection.execute(sa.text(statement), rows)
        engine.dispose()

    def destroy(self) -> None:
        self.run("DROP TABLE IF EXISTS r")


class Server:
    """A real HTTP server on loopback that answers what `answer` says, and counts."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda *_: (404, {}, b"")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {k: v[-1] for k, v in parse_qs(parts.query).items()}
                outer.asked.append((parts.path, query, dict(self.headers)))
                status, headers, body = outer.answer(parts.path, query)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Stop it and wait."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Rest(World):
    """An API that gives two rows a page."""

    def __init__(self, server: Server) -> None:
        self.rows: list[Row] = []
        server.answer = self.page
        self.server = server
        self.config = {
            "kind": "rest", "url": f"{server.url}/rows", "rows": "data",
            "parameters": {"from": "{start}", "to": "{end}"}, "time": "day", "key": "id",
            "pagination": {"kind": "offset", "size": 2, "total": "total"},
            "attempts": 2, "backoff": 0.0,
        }  # fmt: skip

    def write(self, rows: list[Row]) -> None:
        self.rows = rows
        self.server.answer = self.page

    def page(self, _: str, query: dict[str, str]) -> Answer:
        """Answer a page of the rows from `from` to `to`."""
        found = [row for row in self.rows if query["from"] <= row["day"] < query["to"]]
        skip, limit = int(query["offset"]), int(query["limit"])
        body = {"total": len(found), "data": found[skip : skip + limit]}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def destroy(self) -> None:
        self.server.answer = lambda *_: (503, {}, b"")


class Html(Rest):
    """A web page with a table."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.config = {
            "kind": "html", "url": f"{server.url}/page", "table": "table#rows",
            "parameters": {"from": "{start}", "to": "{end}"}, "time": "day", "key": "id",
            "attempts": 2, "backoff": 0.0,
        }  # fmt: skip

    def page(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/robots.txt":
            return 404, {}, b""
        cells = "".join(
            f"<tr><td>{r['id']}</td><td>{r['day']}</td><td>{'' if r['x'] is None else r['x']}</td>"
            f"<td>{r['word']}</td></tr>"
            for r in self.rows
            if query["from"] <= r["day"] < query["to"]
        )
        head = "<tr><th>id</th><th>day</th><th>x</th><th>word</th></tr>"
        text = f"<meta charset=utf-8><table><tr><td>1</table><table id=rows>{head}{cells}</table>"
        return 200, {"Content-Type": "text/html"}, text.encode()


class Function(World):
    """A function of the project that yields a frame for each row."""

    def __init__(self, root: Path) -> None:
        self.path = root / "rows.json"
        (root / "playbill_world.py").write_text(
            "import json, pathlib, pandas as pd\n"
            "def rows(start, end):\n"
            f"    for row in json.loads(pathlib.Path({str(self.path)!r}).read_bytes()):\n"
            "        if str(start) <= row['day'] < str(end):\n"
            "            yield pd.DataFrame([row])\n"
        )
        self.config = {
            "kind": "python", "target": "playbill_world:rows", "time": "day", "key": "id",
        }  # fmt: skip

    def write(self, rows: list[Row]) -> None:
        self.path.write_text(json.dumps(rows))

    def destroy(self) -> None:
        self.path.unlink(missing_ok=True)


class Bucket(World):
    """A bucket of an S3-compatible server, with one object a month."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.config = {
            "kind": "file", "path": "s3://bucket-one/*.csv", "time": "day", "key": "id",
            "storage": {"client_kwargs": {"endpoint_url": url}},
            "secrets": {"key": "S3_KEY", "secret": "S3_SECRET"},
        }  # fmt: skip

    def write(self, rows: list[Row]) -> None:
        self.destroy()
        self.folder.mkdir(parents=True)
        frame = pd.DataFrame(rows)
        for month, part in frame.groupby(frame["day"].str[:7]):
            part.to_csv(self.folder / f"{month}.csv", index=False)

    def destroy(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def postgres(folder: Path) -> Iterator[int]:
    """Run PostgreSQL on loopback and give its port; it refuses root, so it is nobody's then."""
    as_nobody = []
    if os.geteuid() == 0:
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chown(folder, 65534, 65534)
        for parent in (folder, *folder.parents[:3]):
            parent.chmod(0o755)
    data, port = folder / "data", free_port()
    start = [*as_nobody, "initdb", "-D", str(data), "-U", "reader", "--auth=trust", "--no-sync"]
    subprocess.run(start, check=True, capture_output=True, cwd=folder)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    control = [*as_nobody, "pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log")]
    subprocess.run(
        [*control, "-o", options, "start"], check=True, cwd=folder, stdout=subprocess.DEVNULL
    )
    try:
        yield port
    finally:
        subprocess.run(
            [*control, "-m", "immediate", "stop"], check=True, cwd=folder, stdout=subprocess.DEVNULL
        )


@contextmanager
def s3(folder: Path, key: str, secret: str) -> Iterator[str]:
    """Run an S3-compatible server over a folder and give its address."""
    port = free_port()
    program = Path(sys.executable).parent / "rclone"
    process = subprocess.Popen(
        [
            program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{key},{secret}",
            "--vfs-cache-mode", "off", "--dir-cache-time", "0s", str(folder),
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "RCLONE_CONFIG": str(folder.parent / "rclone.conf")},
    )  # fmt: skip
    try:
        _await(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _await(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError
