"""The samples that a new project may begin with: tables that scikit-learn brings along."""

from collections.abc import Mapping
from dataclasses import dataclass

from playbill.config.outcome import Task


@dataclass(frozen=True)
class Sample:
    """A sample, in the words of the templates.

    Attributes:
        task: What is predicted.
        title: What the table holds.
        question: What the model answers.
        loader: Function of sklearn.datasets.
        inputs: The loader's column by its name in the project.
        positive_inputs: Whether no input is below 0.
        target: Name of the target.
        meaning: What the target means.
        target_rule: Its line of the contract.
        made: Python that makes the target of what the loader returned.
        split: Option of the group `split`.
        model: Option of the group `model`.
    """

    task: Task
    title: str
    question: str
    loader: str
    inputs: Mapping[str, str]
    positive_inputs: bool
    target: str
    meaning: str
    target_rule: str
    made: str
    split: str
    model: str


SAMPLES: dict[Task, Sample] = {
    "binary": Sample(
        task="binary",
        title="Tumours, measured on digitised images",
        question="Is the tumour malignant?",
        loader="load_breast_cancer",
        inputs={
            f"mean_{what}": f"mean {what}"
            for what in ("radius", "texture", "smoothness", "compactness", "concavity", "symmetry")
        },
        positive_inputs=True,
        target="malignant",
        meaning="1 if it is malignant.",
        target_rule="{dtype: int64, isin: [0, 1]}",
        made='(made.target == 0).astype("int64")',
        split="stratified",
        model="boosting",
    ),
    "multiclass": Sample(
        task="multiclass",
        title="Wines of three cultivars, and their chemistry",
        question="Which cultivar is the wine of?",
        loader="load_wine",
        inputs={
            name: name
            for name in ("alcohol", "malic_acid", "flavanoids", "color_intensity", "hue", "proline")
        },
        positive_inputs=True,
        target="cultivar",
        meaning="The vine it was made of.",
        target_rule="{dtype: str, isin: [class_0, class_1, class_2]}",
        made="[str(made.target_names[number]) for number in made.target]",
        split="stratified",
        model="boosting",
    ),
    "regression": Sample(
        task="regression",
        title="Patients with diabetes, and how it went on within a year",
        question="How far will the disease have progressed in a year?",
        loader="load_diabetes",
        inputs={name: name for name in ("age", "sex", "bmi", "bp", "s1", "s2", "s5")},
        positive_inputs=False,
        target="progression",
        meaning="A measure of the disease a year later.",
        target_rule="{dtype: float64, ge: 0}",
        made="made.target",
        split="random",
        model="boosting_regressor",
    ),
}
