"""How much worse the model is when one input is shuffled (Breiman 2001; Fisher, Rudin 2019).

Model-agnostic: it asks for predictions only. Inputs that say the same share their importance, so a
low figure does not mean that an input is useless.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

Predict = Callable[["pd.DataFrame"], "NDArray[np.float64]"]


def permutation_importance(  # noqa: PLR0913 - the rows, the model, and how much to spend on it
    rows: "pd.DataFrame",
    scored: "Scored",
    predict: Predict,
    *,
    columns: Sequence[str],
    most_rows: int,
    repeats: int,
    seed: int,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return by input how much the mean loss rises when its values are shuffled.

    Args:
        rows: What the model is asked with.
        scored: Truth and predictions of the same rows.
        predict: The model: rows in, scores in the form of `Scored.scores` out.
        columns: Inputs to shuffle.
        most_rows: With more rows, so many are drawn without replacement.
        repeats: How often each input is shuffled; all repeats are predicted at once.
        seed: Seed of the draw and of the shuffles.
        done: Called after each input.

    Returns:
        `rows`, `repeats`, `loss` (of the rows as they are) and `columns`: mean rise and its
        standard deviation over the repeats, largest first.
    """
    import pandas as pd

    generator = np.random.default_rng(seed)
    if len(rows) > most_rows:
        chosen = np.sort(generator.choice(len(rows), size=most_rows, replace=False))
        rows, scored = rows.iloc[chosen], scored.take(chosen)
    loss = float(scored.losses().mean())
    many = pd.concat([rows] * repeats, ignore_index=True)
    again = np.tile(np.arange(len(rows)), repeats)
    repeated = scored.take(again)
    found = {}
    for column in columns:
        order = np.concatenate([generator.permutation(len(rows)) for _ in range(repeats)])
        kept = many[column]
        many[column] = rows[column].to_numpy()[order]
        losses = repeated.asked(predict(many)).losses().reshape(repeats, -1).mean(axis=1) - loss
        many[column] = kept
        spread = float(losses.std(ddof=1)) if repeats > 1 else 0.0
        found[column] = {"increase": float(losses.mean()), "spread": spread}
        done()
    ordered = sorted(found.items(), key=lambda item: (-item[1]["increase"], item[0]))
    return {
        "rows": len(rows),
        "repeats": repeats,
        "loss": loss,
        "columns": [{"column": name, **each} for name, each in ordered],
    }
