"""A fitted Pipeline as bytes (skops) and back, without pickle: equal models give equal bytes.

skops itself writes object ids, clock times and whatever memory lay between the fields of a
record. So its archive is written anew: arrays are named by their content, ids dropped, sets
sorted, padding zeroed, times fixed, nothing compressed.
"""

import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import isabstract
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from playbill.config.target import READY, is_allowed
from playbill.errors import BundleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = "schema.json"
CHECK = "sklearn.utils.validation.check_array"
CHECKED = frozenset({"dtype", "ensure_all_finite"})  # keywords that it may have
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can say
UNIX = 3

# Types that skops leaves to its user, each read and found to run no code when it is built. The
# trees hold node numbers that scikit-learn follows without checking: a forged file can crash the
# process, so a file is loaded only after its digest was verified, or where it was written.
REVIEWED = (
    "collections.OrderedDict",  # LightGBM keeps its settings in one
    "collections.defaultdict",
    "functools.partial",  # as `_check_partials` lets it through alone; boosting with categories
    "numpy.dtype",
    *READY,
    "playbill.model.calibrated.CalibratedModel",
    "playbill.model.calibrated.Scores",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",  # in a BSpline
    "scipy.interpolate._bsplines.BSpline",
    "scipy.interpolate._interpolate.interp1d",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",  # a dict of votes' and stacks' estimators by name
    CHECK,
)


def dump(pipeline: Any) -> bytes:
    """Return `pipeline` as the bytes of a .skops file; equal Pipelines give equal bytes."""
    with ZipFile(BytesIO(_skops().dumps(pipeline))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    state = json.loads(members.pop(SCHEMA))
    contents = {name: _stable(name, content) for name, content in members.items()}
    renamed = {name: _by_content(name, content) for name, content in contents.items()}
    files = {renamed[name]: content for name, content in contents.items()}
    files[SCHEMA] = json.dumps(_normal(state, renamed), separators=(",", ":")).encode()
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = ZipInfo(name, date_time=EPOCH)
            entry.create_system = UNIX  # else it says on which system it was written
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def load(source: Path | bytes, *, trusted: Sequence[str] = ()) -> Any:
    """Return the Pipeline in a .skops file, if it holds reviewed and trusted types alone.

    Args:
        source: The file or its bytes.
        trusted: Further types by full name, or prefixes that end with a dot, as in `allow:`.

    Raises:
        BundleError: It is no .skops file, or holds a type that nobody allowed.
    """
    skops = _skops()
    name = "the model" if isinstance(source, bytes) else source.name
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        types = sorted(set(skops.get_untrusted_types(data=content)))
        unknown = [each for each in types if each not in REVIEWED]
        mine = [each for each in unknown if not (_is_estimator(each) or _is_function(each))]
        if refused := [each for each in mine if not is_allowed(each, trusted)]:
            raise BundleError(
                f"{name} holds types that are not trusted: {', '.join(refused)}",
                expected="types that skops or Playbill reviewed, or that `allow:` names",
                run="if you wrote them, add their names to `allow:` in conf/config.yaml",
            )
        _check_partials(content, name, trusted)
        if any(each.startswith("playbill.") for each in types):
            _own()
        return skops.loads(content, trusted=[*REVIEWED, *types])
    except (BadZipFile, OSError, KeyError, ValueError, TypeError, ImportError) as error:
        raise BundleError(
            f"{name} cannot be loaded: {error}",
            expected="a .skops file as `dvc repro` writes it, and the packages it needs",
        ) from error


def _check_partials(content: bytes, name: str, trusted: Sequence[str]) -> None:
    """Refuse a function with arguments of its own, but for the few kinds that are reviewed.

    `check_array` as scikit-learn's boosting keeps it: it looks at its argument and changes none.
    NumPy's universal functions compute. Whatever `allow:` names is the project's own. Classes, and
    other keywords, would reach code that nobody read with arguments in mind.

    Raises:
        BundleError: There is another one.
    """
    with ZipFile(BytesIO(content)) as archive:
        state = json.loads(archive.read(SCHEMA))
    for node in _nodes(state):
        if node.get("__loader__") != "PartialNode":
            continue
        parts = node["content"]
        path = f"{parts['func'].get('__module__')}.{parts['func'].get('__class__')}"
        keywords = set(parts["kwds"].get("content") or ())
        bare = not parts["args"].get("content") and keywords <= CHECKED
        fits = (path == CHECK and bare) or _is_function(path) or is_allowed(path, trusted)
        if parts["func"].get("__loader__") != "FunctionNode" or not fits:
            raise BundleError(
                f"{name} holds a functools.partial of {path} that is not trusted",
                expected="one of a universal function of NumPy, or of what `allow:` names",
                run="if you wrote it, add its function to `allow:` in conf/config.yaml",
            )


def _nodes(state: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object of a JSON document, in its order."""
    if isinstance(state, dict):
        yield state
    for each in state.values() if isinstance(state, dict) else state:
        if isinstance(each, dict | list):
            yield from _nodes(each)


def _own() -> None:
    """Import what Playbill ships for a Pipeline to hold: a file names it, and no import does."""
    from playbill.feature import ready
    from playbill.model import calibrated

    del ready, calibrated


def _skops() -> ModuleType:
    """Return `skops.io` without its lists of what it trusts by default.

    To make them skops imports every module of scikit-learn, and pytest with them, and looks for 400
    functions of NumPy and SciPy in every loaded module: more than a second in every process. The
    same question is answered here for the types in a file: `_is_estimator` and `_is_function`.
    """
    if "skops.io" in sys.modules:
        return sys.modules["skops.io"]
    spec = importlib.util.find_spec("skops.io")
    if spec is None or spec.loader is None:
        raise ImportError("skops is not installed")
    package = sys.modules["skops.io"] = importlib.util.module_from_spec(spec)
    try:
        _without_lists(lambda: spec.loader.exec_module(package) if spec.loader else None)
    except BaseException:
        del sys.modules["skops.io"]
        raise
    return package


def _without_lists(build: Callable[[], None]) -> None:
    """Call `build` while skops and scikit-learn list nothing."""
    import sklearn.utils

    names: Any = importlib.import_module("skops.io._utils")
    every, public = sklearn.utils.all_estimators, names.get_public_type_names
    sklearn.utils.all_estimators = list
    names.get_public_type_names = lambda **_: []
    try:
        build()
    finally:
        sklearn.utils.all_estimators = every
        names.get_public_type_names = public


def _is_function(path: str) -> bool:
    """Say whether `path` is where skops finds a universal function of NumPy or of scipy.special."""
    home = {"numpy": "numpy", "scipy": "scipy.special"}.get(path.partition(".")[0])
    if home is None:
        return False
    import numpy as np
    from skops.io._utils import get_type_name

    found = getattr(importlib.import_module(home), path.rpartition(".")[2], None)
    return isinstance(found, np.ufunc) and get_type_name(found) == path


def _is_estimator(path: str) -> bool:
    """Say whether `path` is a public estimator of scikit-learn, which skops trusts."""
    module, _, name = path.rpartition(".")
    parts = module.split(".")
    if parts[0] != "sklearn" or name.startswith("_") or {"tests", "externals"} & set(parts):
        return False
    from sklearn.base import BaseEstimator

    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator) and not isabstract(found)


def _by_content(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() + Path(name).suffix


def _stable(name: str, content: bytes) -> bytes:
    """Return an array file whose bytes depend on the array's values alone."""
    import numpy as np

    if not name.endswith(".npy"):
        return content
    array = np.load(BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    buffer = BytesIO()
    np.save(buffer, _zero_padding(array), allow_pickle=False)
    return buffer.getvalue()


def _zero_padding(array: "NDArray[np.void]") -> "NDArray[np.void]":
    import numpy as np

    clean = np.zeros(array.shape, dtype=array.dtype)
    for field in array.dtype.names or ():
        clean[field] = array[field]
    return clean


def _normal(node: Any, renamed: Mapping[str, str]) -> Any:
    """Return skops' state without ids, with renamed files and sorted sets."""
    if isinstance(node, list):
        return [_normal(item, renamed) for item in node]
    if not isinstance(node, dict):
        return node
    state = {key: _normal(value, renamed) for key, value in node.items() if key != "__id__"}
    if state.get("file") in renamed:
        state["file"] = renamed[state["file"]]
    if state.get("__loader__") == "SetNode":
        state["content"] = sorted(state["content"], key=json.dumps)
    return state
