"""One request to a bundle's own server, started for it and stopped again."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from playbill.errors import BundleError

SECONDS = 60  # for a cold start on a busy machine


def ask(bundle: Path, command: Sequence[str]) -> str:
    """Start the server with `command`, send the first example row, return the answer's JSON.

    Args:
        bundle: The bundle's folder, verified.
        command: Starts its server on a free port; it prints the address in its first line.

    Raises:
        BundleError: It did not start, or did not answer with 200.
    """
    examples = json.loads((bundle / "model" / "examples.json").read_text("utf-8"))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise BundleError("the bundle's server did not start", where=bundle.name)
        request = urllib.request.Request(  # noqa: S310 - the address that our own server printed
            f"{found.group()}/predict",
            json.dumps(examples[0]).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - see above
            return str(answer.read().decode())
    except urllib.error.URLError as error:
        raise BundleError(
            f"the bundle's server did not answer its own example: {error}", where=bundle.name
        ) from error
    finally:
        server.terminate()
        server.wait(SECONDS)
        if server.stdout is not None:
            server.stdout.close()
