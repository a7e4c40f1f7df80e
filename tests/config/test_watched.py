"""Files of the project that sources read are dependencies of the stage that reads them."""

from pathlib import Path

import pytest

from playbill.config.composition import compose
from playbill.config.watched import watched
from tests.config.conftest import edit


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("rows.csv", ["rows.csv"]),
        ("in/a.csv", ["in/a.csv"]),
        ("in/*.csv", ["in"]),
        ("in/deep/*/x.csv", ["in/deep"]),
        ("*.csv", ["a.csv", "b.csv"]),  # the folder would hold everything
        ("data/*.csv", ["data/c.csv"]),  # the folder holds outputs too
        ("s3://bucket-one/*.csv", []),
        ("/etc/passwd", []),
        ("../rows.csv", []),
    ],
)
def test_a_path_is_watched_and_of_a_glob_its_folder(
    tiny: Path, path: str, found: list[str]
) -> None:
    (tiny / "data").mkdir(exist_ok=True)
    for name in ("a.csv", "b.csv", "data/c.csv"):
        (tiny / name).write_text("x\n1\n")
    edit(tiny / "conf/source/tiny.yaml", "path: rows.csv", f"path: '{path}'")
    assert watched(compose(tiny).params, tiny) == found
