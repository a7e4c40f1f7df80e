"""Modules that are filled when they are first used behave as if they had been there."""

import subprocess
import sys

import pytest

LATE = "from playbill.engine import late; late.postpone(); import sys; "
SEARCH = (
    "from scipy.optimize import _linesearch as l, line_search as s; "
    "print(s is l.line_search_wolfe2)"
)


def said(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LATE + program], text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_scikit_learn_is_imported_without_them_and_they_are_there_when_asked_for() -> None:
    program = (
        "import sklearn.ensemble, scipy.stats; "
        "print('scipy.stats._stats_py' in sys.modules); "
        "print('scipy.interpolate._bsplines' in sys.modules); "
        "print('scipy.optimize._minimize' in sys.modules); "
        "print(round(scipy.stats.norm.ppf(0.975), 3), type(scipy.stats).__name__)"
    )
    assert said(program).splitlines() == ["False", "False", "False", "1.96 module"]


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("from scipy.stats import rankdata; print(rankdata([3, 1]).tolist())", "[2.0, 1.0]"),
        ("from scipy.stats import chi2; print(round(chi2(3).isf(0.1), 3))", "6.251"),
        ("from scipy.stats import chi2; print(round(chi2.isf(0.1, 3), 3))", "6.251"),
        ("import scipy.stats.mstats as m; print(m is sys.modules['scipy.stats'].mstats)", "True"),
        ("from scipy.stats import distributions as d; print(d.norm.cdf(0))", "0.5"),
        ("import scipy; print(scipy.stats.norm.cdf(0))", "0.5"),
        ("import scipy.interpolate as i; print(i.interp1d([0, 2], [0, 4])(1).item())", "2.0"),
        ("from scipy.interpolate import BSpline as B; print(B([0, 1], [2.0], 0)(0.5))", "2.0"),
        ("import numpy as np; print(np.f2py.__name__)", "numpy.f2py"),
        ("from scipy.stats import *; print(round(kurtosis([1, 2, 4, 9]), 2))", "-1.0"),
        ("from scipy.optimize import brentq; print(brentq(lambda x: x - 1, 0, 3))", "1.0"),
        ("from scipy.optimize import minimize as m; print(m(lambda x: x * x, 1).success)", "True"),
        ("import scipy.optimize as o; print(o.linprog([1], bounds=(2, 3)).fun)", "2.0"),
        (
            "from scipy.optimize._linesearch import line_search_armijo as a; print(callable(a))",
            "True",
        ),
        (SEARCH, "True"),
        ("from scipy.optimize import linear_sum_assignment as l; print(l([[1]])[0].item())", "0"),
        (
            "import numpy as np; np.testing.assert_allclose(1, 1); print(np.testing.__name__)",
            "numpy.testing",
        ),
        ("import scipy.stats; late.postpone(); print(len(scipy.stats.__all__) > 50)", "True"),
    ],
)
def test_whatever_way_one_asks_the_answer_is_the_librarys(program: str, answer: str) -> None:
    assert said(program) == answer


def test_a_model_with_everything_that_is_stood_in_for_learns_the_same() -> None:
    program = (
        "import numpy as np; from sklearn.covariance import MinCovDet; "
        "from sklearn.isotonic import IsotonicRegression; "
        "from sklearn.linear_model import LogisticRegression, QuantileRegressor; "
        "from sklearn.preprocessing import SplineTransformer, QuantileTransformer; "
        "x = np.random.default_rng(7).normal(size=(60, 2)); "
        "print(MinCovDet(random_state=1).fit(x).covariance_.sum(), "
        "IsotonicRegression().fit(x[:, 0], x[:, 1]).predict([0.0]).sum(), "
        "LogisticRegression().fit(x, x[:, 0] > x[:, 1]).coef_.sum(), "
        "QuantileRegressor().fit(x, x[:, 0]).coef_.sum(), "
        "SplineTransformer().fit_transform(x).sum(), QuantileTransformer(n_quantiles=9)"
        ".fit_transform(x).sum())"
    )
    late = said(program)
    plain = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=True
    ).stdout.strip()
    assert late == plain
