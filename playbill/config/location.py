"""Where a project is: the nearest folder that holds conf/config.yaml."""

from pathlib import Path

from playbill.errors import UsageError

MARKER = Path("conf", "config.yaml")


def find_project(start: Path | None = None) -> Path:
    """Return the root of the project that `start` (default: the current folder) lies in.

    Raises:
        UsageError: No folder from `start` upwards holds conf/config.yaml.
    """
    begin = (start or Path.cwd()).resolve()
    for folder in (begin, *begin.parents):
        if (folder / MARKER).is_file():
            return folder
    raise UsageError(
        "this is not a Playbill project",
        where=begin.name or str(begin),
        expected=f"a folder with {MARKER.as_posix()}, here or above",
        run="cd into your clone of the project",
    )
