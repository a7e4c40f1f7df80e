"""The short way from bytes to rows takes nothing that the models refuse, and reads alike."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from playbill.bundle.interface import write_interface
from playbill.config.schema import Contract, Server
from playbill.contract.column import columns, inputs
from playbill.contract.outcome import outcome
from playbill.server.description import _imported
from playbill.server.interface import Interface
from playbill.server.plain import PlainRows, values_of
from tests.conformance.test_verdict import BOUNDS
from tests.serving import application, row

NUMBERS = (
    "0", "-0", "-0.0", "1", "1.0", "1.5", "1e2", "1E2", "1e400", "-1e400", "1e-400", "5e-324", "01",
    "+1", "1.", ".5", "0x1", "1_0", "NaN", "Infinity", "null", "true", '"1"', "[1]", "{}", "",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "1" + "0" * 400, "0.1", "0.30000000000000004", "123456789012345678",
    "9007199254740993", "2.2250738585072011e-308", "1.7976931348623157e308", "7", "8", "-3", "3",
    "-1.5", "-1.4999999999999998", "0.09999999999999999", "1.0000000000000002", "-",
)  # fmt: skip
TEXTS = (
    '""', '"a"', '"b"', '"c"', '"\\u0061"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\x00"',
    '"\x1f"', '"\n"', '"\x7f"', '"\\x"', '"\\/"', '"é"', '"' + "x" * 1000 + '"',
    '"' + "x" * 1001 + '"', '"' + "😀" * 1000 + '"', '"' + "😀" * 1001 + '"', "a", "null", "1", '"',
    "'a'", '["a"]', "true",
)  # fmt: skip


def interface(contract: Contract) -> Interface:
    target = next(column for column in columns(contract) if column.name == contract.target)
    asked = outcome(contract)
    texts = write_interface("bounds", inputs(contract), target, Server(title="b"), asked)
    with _imported(texts) as module:
        found: Interface = module.INTERFACE
    return found


SERVED = interface(BOUNDS)
PLAIN = PlainRows(SERVED)
GOOD = {
    "above": "1.5", "from": "null", "below": "0", "upto": "7", "open": "0.5", "half": "-3",
    "kind": '"a"', "free": '"x"', "flag": "true",
}  # fmt: skip


def body(parts: dict[str, str]) -> bytes:
    inside = ",".join(f'"{name}":{value}' for name, value in parts.items())
    return ("{" + inside + "}").encode("utf-8", "surrogatepass")


def model(content: bytes, *, many: bool) -> list[tuple[Any, ...]] | None:
    """Return the rows that the models take, None where they refuse."""
    kind = SERVED.rows if many else SERVED.row
    try:
        found: Any = kind.__pydantic_validator__.validate_json(content)
    except ValidationError:
        return None
    return [values_of(each) for each in PLAIN.of(found.rows if many else [found])]


def same(content: bytes, *, many: bool = False) -> bool:
    """Say whether the short way takes a body; what it takes must be what the models take."""
    found = PLAIN.read(content, many=many)
    if found is None:
        return False
    expected = model(content, many=many)
    got = [values_of(each) for each in found]
    assert got == expected, content
    assert [list(map(type, each)) for each in got] == [list(map(type, x)) for x in expected or []]
    return True


def test_good_rows_take_the_short_way() -> None:
    assert same(body(GOOD))
    many = b'{"rows":[%s, %s]}' % (body(GOOD), body(GOOD))
    assert same(many, many=True)


@pytest.mark.parametrize("name", GOOD)
def test_no_spelling_of_a_value_is_taken_that_the_models_refuse(name: str) -> None:
    taken = [value for value in (*NUMBERS, *TEXTS) if same(body(GOOD | {name: value}))]
    assert taken, "some of them are good"
    refused = [x for x in (*NUMBERS, *TEXTS) if model(body(GOOD | {name: x}), many=False) is None]
    assert refused, "and some are not"


@pytest.mark.parametrize(
    "content",
    [
        b"", b" ", b"null", b"[]", b"{}", b'{"rows":[]}', b"\xef\xbb\xbf" + body(GOOD),
        body(GOOD) + b" x", body(GOOD) + b"\x00", body(GOOD)[:-1], body(GOOD)[:-1] + b",}",
        body(GOOD | {"other": "1"}), body({k: v for k, v in GOOD.items() if k != "flag"}),
        body(GOOD).replace(b'"x"', b'"\xff"'), body(GOOD).replace(b'"x"', b'"\xed\xa0\x80"'),
        body(GOOD).replace(b'"upto":7', b'"upto":"x","upto":7'),
        body(GOOD).replace(b'"upto":7', b'"upto":7,"upto":"x"'),
        body(GOOD).replace(b"upto", b"\\u0075pto"), b"[" * 100_000,
        body(GOOD).decode().encode("utf-16"),
    ],
)  # fmt: skip
def test_no_other_form_of_a_body_is_taken_either(content: bytes) -> None:
    for many in (False, True):
        same(content, many=many)
        same(b'{"rows":[%s]}' % content, many=many)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(
    changes=st.dictionaries(
        st.sampled_from([*GOOD]),
        st.sampled_from([*NUMBERS, *TEXTS])
        | st.floats().map(json.dumps)
        | st.integers().map(str)
        | st.text(max_size=5).map(json.dumps),
        max_size=3,
    ),
    place=st.integers(0, 200),
    more=st.binary(max_size=2),
)
def test_whatever_a_body_holds_it_is_read_as_the_models_read_it(
    changes: dict[str, str], place: int, more: bytes
) -> None:
    whole = body(GOOD | changes)
    same(whole)
    same(whole[:place] + more + whole[place:])


def test_too_many_rows_are_left_to_the_models() -> None:
    count = SERVED.max_rows
    assert same(b'{"rows":[%s]}' % b",".join([body(GOOD)] * count), many=True)
    assert not same(b'{"rows":[%s]}' % b",".join([body(GOOD)] * (count + 1)), many=True)


def test_a_contract_with_a_time_is_left_to_the_models() -> None:
    served = application()
    plain = PlainRows(served.interface)
    assert plain.read(json.dumps(row()).encode(), many=False) is None
    [found] = plain.of([served.interface.row.model_validate_json(json.dumps(row()))])
    assert values_of(found)[0] == 41


def test_models_with_checks_of_their_own_are_not_passed_by() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
        a: int = Field(ge=0)

        @field_validator("a")
        @classmethod
        def odd(cls, value: int) -> int:
            assert value % 2
            return value

    class Rows(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")
        rows: list[Odd] = Field(min_length=1, max_length=10)

    class Multiple(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
        a: int = Field(multiple_of=3)

    for kind in (Odd, Multiple):
        made = Interface("m", "M", "", kind, Rows, kind, kind, 100, 100, {"a": "integer"})
        assert PlainRows(made).read(b'{"a":3}', many=False) is None
