"""Writes the models of feedback: the truth of a prediction, typed as the contract types the target.

Part of the text that `playbill.bundle.schema` writes.
"""

from collections.abc import Mapping


def feedback_models(
    target: str, annotation: str, bounds: Mapping[str, str], rows: int, *, whole: bool
) -> str:
    """Return the source of the models of feedback.

    Args:
        target: What the truth is, as a Python string.
        annotation: Type of the truth.
        bounds: Arguments of its field.
        rows: Truths that one request may hold.
        whole: Whether the classes are whole numbers.
    """
    arguments = "".join(f"        {key}={value},\n" for key, value in bounds.items())
    return _FEEDBACK.format(
        target=target,
        annotation=annotation,
        bounds=arguments,
        rows=rows,
        whole=_WHOLE if whole else "",
    )


_FEEDBACK = '''

class Truth(BaseModel):
    """What turned out to be true of one prediction."""

    model_config = STRICT

    prediction_id: str = Field(
        pattern="^[0-9a-f]{{8}}-[0-9a-f]{{4}}-7[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}$",
        description="The identifier that the answer had.",
    )
    truth: {annotation} = Field(
{bounds}        description={target},
    )
{whole}

class Feedback(BaseModel):
    """What turned out to be true; taken as a whole or not at all."""

    model_config = STRICT

    feedback: Annotated[list[Truth], FailFast()] = Field(min_length=1, max_length={rows})
'''

_WHOLE = '''
    @field_validator("truth", mode="before")
    @classmethod
    def _whole(cls, value: object) -> object:
        """Refuse true and 1.0, which Python takes for 1."""
        if type(value) is not int:
            raise ValueError("a class is a whole number")
        return value
'''
