"""Which interpolations conf/ may hold: those whose value depends on conf/ alone.

A resolver such as `oc.env` or `now` would carry a secret, a host name or a clock into params.yaml
and, with `dvc exp run --queue`, into a Git object before any stage of ours has run.
"""

from collections.abc import Iterator
from typing import Any

from playbill.errors import ConfigError

# Resolvers that read nothing but the configuration. `oc.decode` and `oc.create` are not among
# them: they take text apart in which another resolver's name can be hidden.
PURE = frozenset({"oc.select", "oc.dict.keys", "oc.dict.values"})


def impure(text: str) -> str | None:
    """Return the first resolver in `text` that reads more than the configuration, or None.

    Every `${` counts, nested ones and those in quotes too. A name that is itself put together by
    an interpolation is returned as it stands: nobody can say what it will be.
    """
    return next((name for name in _resolvers(text) if name not in PURE), None)


def _resolvers(text: str) -> Iterator[str]:
    """Yield what stands between each `${` and the `:` that makes it the call of a resolver."""
    open_: list[int | None] = []  # where each name begins; None once its end was seen
    position = 0
    while position < len(text):
        if text.startswith("${", position):
            position += 2
            open_.append(position)
            continue
        if text[position] == "}" and open_:
            open_.pop()
        elif text[position] == ":" and open_ and open_[-1] is not None:
            yield text[open_[-1] : position].strip()
            open_[-1] = None
        position += 1


def refuse(text: str, name: str, where: str) -> ConfigError:
    """Return the error for a value that calls the resolver `name`."""
    does = "reads the environment" if name.endswith("env") else f"calls the resolver `{name}`"
    return ConfigError(
        f"`{text}` {does}",
        where=where,
        expected="a value, or `${...}` with a key of conf/: what Hydra resolves ends up in "
        "params.yaml and in Git objects",
        run="name the variable in conf/ and read it where it is used; what differs from place to "
        "place belongs in conf/env, docs/how-to/places.md",
    )


ALLOW = "allow"


def check_override(override: str) -> None:
    """Refuse an override that reads more than the configuration, or says what is allowed.

    Raises:
        ConfigError: It calls a resolver that is not pure, or sets the allow list.
    """
    if override.partition("=")[0].lstrip("+~").partition(".")[0] == ALLOW:
        raise not_allowed(f"the override {override}")
    if (name := impure(override)) is not None:
        raise refuse(override, name, "an override on the command line")


def impure_leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """Yield dotted key, text and resolver of every leaf that calls one that is not pure."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from impure_leaves(value, (*path, str(key)))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from impure_leaves(value, (*path, str(index)))
    elif isinstance(values, str) and (name := impure(values)) is not None:
        yield ".".join(path), values, name


def not_allowed(where: str) -> ConfigError:
    """Return the error for an allow list that is not said in a file which people review."""
    return ConfigError(
        "the allow list cannot be changed by an override",
        where=where,
        expected="`allow:` in conf/config.yaml: what YAML may call is reviewed in a commit",
        run="edit `allow:` there, then run it again without the override",
    )
