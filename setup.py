"""Takes into a wheel what `playbill new` copies; everything else stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
# As in playbill/skeleton/origin.py, whose test builds a wheel and compares.
COPIED = ("stages", "conf/env", ".github/workflows", ".gitattributes", ".dvcignore")


class WithOrigin(build_py):
    """Copies this repository's own stages and workflows beside the code that hands them out."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if self.editable_mode:
            return
        for name in COPIED:
            target = Path(self.build_lib, "playbill", "skeleton", "origin", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if (source := HERE / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)


setup(cmdclass={"build_py": WithOrigin})
