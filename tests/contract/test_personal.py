"""Personal data are guessed by form, with check digits where there are some, and by name."""

import pytest

from playbill.contract.personal import guess


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["ann@example.org", "bo.b@mail.example.com"], "e-mail"),
        (["+44 20 7946 0958", "(030) 123456"], "telephone"),
        (["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"], "IBAN"),
        (["4111 1111 1111 1111", "5500000000000004"], "payment cards"),
        (["192.0.2.1", "255.255.255.255"], "IP addresses"),
    ],
)
def test_values_tell(values: list[str], text: str) -> None:
    found = guess("x", values)
    assert found is not None
    assert text in found


@pytest.mark.parametrize(
    "values",
    [
        ["GB82 WEST 1234 5698 7654 33"],  # wrong check digits
        ["4111 1111 1111 1112"],
        ["256.1.1.1"],
        ["2026-01-31", "UA-1545-EWR-20130101T0515"],
        ["a@b", "@", "3.14", "12345"],
        ["ann@example.org", "none", "none", "none"],  # too few of them
        [],
    ],
)
def test_what_only_looks_alike_does_not(values: list[str]) -> None:
    assert guess("x", values) is None


@pytest.mark.parametrize(
    ("name", "is_personal"),
    [
        ("firstName", True), ("email_address", True), ("dateOfBirth", True), ("zip", True),
        ("customer_ip", True), ("gender", True), ("filename", False), ("ship", False),
        ("engines", False), ("manufacturer", False), ("capacity", False), ("sextant", False),
    ],
)  # fmt: skip
def test_names_tell(name: str, *, is_personal: bool) -> None:
    assert (guess(name) is not None) == is_personal
