"""Four real days of flights, taken through the stages' functions."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from playbill.config.composition import compose
from playbill.config.schema import Params
from stages import ingest, prepare, validate

ROOT = Path(__file__).resolve().parents[2]
WINDOW = ["source.window.start=2013-01-01", "source.window.end=2013-01-05"]
Configure = Callable[..., Params]


@pytest.fixture(scope="session")
def configure() -> Configure:
    """Compose the reference project with further overrides."""

    def make(*overrides: str) -> Params:
        return Params.model_validate(compose(ROOT, [*WINDOW, *overrides]).values)

    return make


@pytest.fixture(scope="session")
def params(configure: Configure) -> Params:
    """The reference project over four days."""
    return configure()


@pytest.fixture(scope="session")
def ingested(params: Params) -> dict[str, object]:
    """What ingest returns for the four days."""
    return ingest.run(params)


@pytest.fixture
def table(ingested: dict[str, object]) -> pd.DataFrame:
    """The joined table of the four days."""
    path = ingested["table"]
    assert isinstance(path, Path)
    return pd.read_parquet(path)


@pytest.fixture(scope="session")
def prepared(params: Params, ingested: dict[str, object]) -> dict[str, pd.DataFrame]:
    """Training rows and hold-out of the four days."""
    table = ingested["table"]
    assert isinstance(table, Path)
    made = prepare.run(params, table=validate.run(params, table=table)["valid"])  # type: ignore[arg-type]
    return {name: pd.read_parquet(path) for name, path in made.items() if isinstance(path, Path)}
