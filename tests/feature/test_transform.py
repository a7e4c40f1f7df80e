"""The feature half of the Pipeline is built from named groups of columns."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Feature
from playbill.errors import ConfigError, TargetError
from playbill.feature.transform import build_transformer

ALLOW = ["sklearn."]
SCALE = {"_target_": "sklearn.preprocessing.StandardScaler"}


def feature(**groups: Any) -> Feature:
    return Feature.model_validate({"groups": groups})


def test_each_group_goes_through_its_steps_and_the_rest_does_not_pass() -> None:
    impute = {"_target_": "sklearn.impute.SimpleImputer", "strategy": "median"}
    made = build_transformer(
        feature(a={"columns": ["x"], "steps": [impute, SCALE]}, b={"columns": ["n"]}), ALLOW
    )
    frame = pd.DataFrame({"x": [0.0, np.nan, 2.0], "n": [7.0, 8.0, 9.0], "other": [1, 2, 3]})
    np.testing.assert_allclose(
        made.fit_transform(frame), [[-1.224745, 7.0], [0.0, 8.0], [1.224745, 9.0]], rtol=1e-6
    )


def test_the_same_step_may_come_twice() -> None:
    made = build_transformer(feature(a={"columns": ["x"], "steps": [SCALE, SCALE]}), ALLOW)
    assert made.fit_transform(pd.DataFrame({"x": [1.0, 2.0]})).shape == (2, 1)


def test_a_group_without_columns_is_left_out() -> None:
    made = build_transformer(feature(a={"columns": ["x"]}, b={"columns": []}), ALLOW)
    assert [name for name, *_ in made.transformers] == ["a"]


def test_a_step_that_nobody_allowed_is_refused() -> None:
    with pytest.raises(TargetError, match="not on the allow list"):
        build_transformer(feature(a={"columns": ["x"], "steps": [{"_target_": "os.abc"}]}), ALLOW)


def test_a_step_that_is_no_transformer_is_refused() -> None:
    step = {"_target_": "sklearn.model_selection.KFold"}
    with pytest.raises(ConfigError, match="no transformer") as caught:
        build_transformer(feature(a={"columns": ["x"], "steps": [step]}), ALLOW)
    assert caught.value.where == "feature.groups.a.steps[0]"
