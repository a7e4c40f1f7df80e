"""Every error that Playbill raises on purpose; nothing here knows the rest of the package.

PlaybillError
├── ConfigError            PB100  conf/ or params.yaml is not what it must be            exit 2
│   ├── TargetError        PB110  a `_target_` that nobody allowed                       exit 2
│   ├── HandEditError      PB120  params.yaml was edited by hand                         exit 2
│   └── RecordedError      PB130  conf/recorded.yaml hides a line that was edited later  exit 2
├── UsageError             PB200  a command was called in a way that cannot work         exit 2
├── GraphChangedError      PB300  dvc.yaml was rewritten while DVC ran the old one       exit 3
├── InstalledError         PB310  what is installed is not what constraints.txt says     exit 3
├── StageError             PB320  a stage's input is missing or its output is wrong      exit 3
├── DataError              PB400  data could not be read                                 exit 3
│   ├── ContractError      PB410  data breaks its contract                               exit 3
│   └── FitError           PB420  an estimator or a transformer refused its rows         exit 3
├── BundleError            PB500  a bundle is incomplete, altered or of another format   exit 3
│   └── UnsupportedError   PB510  a runtime cannot take a Pipeline; the next one is tried     exit 3
├── LineageError           PB600  Git or DVC does not have what was asked for            exit 3
└── MissingExtraError      PB700  an optional dependency is not installed                exit 3
"""

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class PlaybillError(Exception):
    """What failed, where, what was expected and what to run next.

    Args:
        what: What failed, in one sentence that names the value at fault.
        where: File, line and key, as `conf/model/forest.yaml:3 model.max_depth`.
        expected: What would have been right, the nearest valid name included.
        run: The command or the edit that mends it.
    """

    code: ClassVar[str] = "PB000"
    exit_status: ClassVar[int] = 3

    def __init__(self, what: str, *, where: str = "", expected: str = "", run: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.run = run
        self.leaves: Mapping[str, Any] = {}  # outputs that a stage writes although it failed

    def __str__(self) -> str:
        """Render the four parts, one a line, leaving out the empty ones."""
        parts = [f"{self.code} {self.what}"]
        parts += [f"  where:    {self.where}"] if self.where else []
        parts += [f"  expected: {self.expected}"] if self.expected else []
        parts += [f"  next:     {self.run}"] if self.run else []
        return "\n".join(parts)

    def as_dict(self) -> dict[str, str]:
        """Return the error for `--json`: code, what, where, expected, next."""
        return {
            "code": self.code,
            "what": self.what,
            "where": self.where,
            "expected": self.expected,
            "next": self.run,
        }


class ConfigError(PlaybillError):
    """conf/ or params.yaml is not what it must be; the text lists every problem that was found."""

    code = "PB100"
    exit_status = 2


class TargetError(ConfigError):
    """A `_target_` names something that the allow list does not."""

    code = "PB110"


class HandEditError(ConfigError):
    """params.yaml was edited by hand: its values disagree with the digest in its first line."""

    code = "PB120"


class RecordedError(ConfigError):
    """A value in conf/recorded.yaml hides a line of conf/ that was edited after it was recorded."""

    code = "PB130"


class UsageError(PlaybillError):
    """A command was called in a way that cannot work: a wrong argument, the wrong folder."""

    code = "PB200"
    exit_status = 2


class GraphChangedError(PlaybillError):
    """dvc.yaml was rewritten while DVC was running the graph that it had read before."""

    code = "PB300"


class InstalledError(PlaybillError):
    """An installed package, or the framework itself, is not what the project pinned."""

    code = "PB310"


class StageError(PlaybillError):
    """A stage's input is missing, or its function did not return what it declared."""

    code = "PB320"


class DataError(PlaybillError):
    """Data could not be read: a missing file, a missing column, a value of the wrong kind."""

    code = "PB400"


class ContractError(DataError):
    """Data was read and breaks its contract."""

    code = "PB410"


class FitError(DataError):
    """An estimator or a transformer refused rows or parameters; the message names its key."""

    code = "PB420"


class BundleError(PlaybillError):
    """A bundle is incomplete, altered, or of a format that this version cannot read."""

    code = "PB500"


class UnsupportedError(BundleError):
    """A runtime cannot take a Pipeline; packaging tries the next one, so only the last is shown."""

    code = "PB510"


class LineageError(PlaybillError):
    """Git or DVC does not have what was asked for."""

    code = "PB600"


class MissingExtraError(PlaybillError):
    """An optional dependency is not installed; the message names the extra."""

    code = "PB700"
