"""OmegaConf's YAML, read by the parser that is written in C.

OmegaConf reads YAML by PyYAML's parser in Python, ten times slower than the one in C. What is made
of a file, its types, its floats, the refusal of a key that stands twice, stays OmegaConf's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from yaml._yaml import CParser
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver


@contextmanager
def parsed_in_c() -> Iterator[None]:
    """Let OmegaConf, and Hydra with it, parse YAML in C."""
    from omegaconf import _utils as inner

    theirs = inner.get_yaml_loader
    loader = _above_c(theirs())
    inner.get_yaml_loader = lambda: loader
    try:
        yield
    finally:
        inner.get_yaml_loader = theirs


def _above_c(theirs: Any) -> Any:
    """Return a loader that constructs and resolves as `theirs` does what C has parsed."""

    class Loader(CParser, theirs):  # type: ignore[misc]
        def __init__(self, stream: str | bytes | IO[Any]) -> None:
            CParser.__init__(self, stream)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    return Loader
