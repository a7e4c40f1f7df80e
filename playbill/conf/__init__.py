"""The options that Playbill ships, one folder a group; Hydra finds them as `pkg://playbill.conf`.

Hydra imports this package before it resolves anything, DVC's own composition for `dvc exp run`
included. That is the one moment at which reading the environment can be refused before DVC has
written the value into params.yaml or, for a queued experiment, into a Git object.
"""

import sys
from typing import Any, NoReturn


def _refuse_environment() -> None:
    from omegaconf import OmegaConf

    def refuse(name: str, *default: Any) -> NoReturn:
        del default
        from playbill.errors import ConfigError

        raise ConfigError(
            f"`${{oc.env:{name}}}` reads the environment",
            expected="a value: what Hydra resolves ends up in params.yaml and in Git objects",
            run="name the variable in conf/ and read it where it is used",
        )

    OmegaConf.register_new_resolver("oc.env", refuse, replace=True)


if "omegaconf" in sys.modules:  # else nobody is composing: only the folder is asked for
    _refuse_environment()
