"""The source of the project's own routers, which the server's texts carry into the bundle."""

from collections.abc import Iterable
from pathlib import Path

from playbill.config.closure import SourceTree
from playbill.errors import ConfigError

PACKAGE = "stages"
INIT = '"""The project\'s own modules that its routers need."""\n'


def sources(routers: Iterable[str], root: Path) -> dict[str, str]:
    """Return the project's modules that routers reach, by relative path.

    Args:
        routers: As conf/server has them, `stages.api:router`.
        root: The project.

    Raises:
        ConfigError: A module does not exist.
    """
    modules = [router.partition(":")[0] for router in routers]
    if not modules:
        return {}
    tree = SourceTree(root, [PACKAGE])
    found = {f"{PACKAGE}/__init__.py": INIT}
    for module in modules:
        files = tree.project_files(module)
        if not any(path.removesuffix(".py").replace("/", ".") == module for path in files):
            raise ConfigError(
                f"the router's module `{module}` does not exist",
                where="conf/server routers",
                expected="a module of stages/, with an APIRouter",
            )
        found |= {path: (root / path).read_text("utf-8") for path in files}
    return found
