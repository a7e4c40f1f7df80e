"""How commands print results: JSON for machines, plain text for people."""

import json
from typing import Any

import typer


def print_json(value: Any) -> None:
    """Print `value` as JSON with sorted keys to standard output."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str))
