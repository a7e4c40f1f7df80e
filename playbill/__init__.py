"""A Git repository as the whole machine-learning platform."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from playbill.pipeline.project import Project


def open(  # noqa: A001 - it is read as playbill.open()
    rev: str | None = None, root: "Path | str | None" = None
) -> "Project":
    """Open a project to look at: its config, tables, model, predictions and metrics.

    Args:
        rev: A branch, tag, commit, DVC experiment or registry name; None: the workspace.
        root: A folder in the project; default: the current one.

    Returns:
        The project at that revision; see `playbill.pipeline.project.Project`.
    """
    # By name, not by `import`: every module has this one above it, and the digest of a stage's
    # code follows imports, so a plain one would make each stage depend on all that `open` needs.
    project: Project = import_module("playbill.pipeline.project").open_project(rev, root)
    return project
