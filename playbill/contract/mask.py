"""How a value of a personal column is shown in a message: its form, never itself."""

import re

LONGEST = 20
_FORMS = ((re.compile(r"[A-Z]"), "A"), (re.compile(r"[^\W\d_A-Z]"), "a"), (re.compile(r"\d"), "9"))


def mask(value: object) -> str:
    """Return the form of a value: `Ann-42@x.org` is `Aaa-99@a.aaa`; of a long one its beginning."""
    text = str(value)[:LONGEST]
    for letters, stand_in in _FORMS:
        text = letters.sub(stand_in, text)
    return text
