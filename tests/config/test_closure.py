"""Digests of code: what it means, not how it is laid out."""

from playbill.config.closure import code_digest

CODE = b'"""Doc."""\n\ndef f(x: int) -> int:\n    """Say."""\n    return x + 1\n'


def test_comments_docstrings_and_layout_do_not_count() -> None:
    other = b'"""Other."""\n# a comment\ndef f(\n    x: int,\n) -> int:\n    return (x + 1)\n'
    assert code_digest(CODE) == code_digest(other)


def test_a_changed_constant_counts() -> None:
    assert code_digest(CODE) != code_digest(CODE.replace(b"+ 1", b"+ 2"))
    assert code_digest(b"x = 1") != code_digest(b"x = 1.0")
    assert code_digest(b"x = None") != code_digest(b"x = 0")
