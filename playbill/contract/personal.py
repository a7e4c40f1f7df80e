"""Guesses which columns hold personal data, by their names and by the form of their values.

A guess for a person to confirm, never a decision: it finds e-mail addresses, telephone numbers,
IBANs, payment cards and IP addresses by form, and names, addresses and birthdays by the column's
name alone.
"""

import re
from collections.abc import Sequence

# A share of values of one form from which on the column is taken to hold it.
ENOUGH = 0.5
_IBAN_CHECK, _IBAN_REST = 97, 1
NAMES = {
    "a person's name": r"(first|last|full|family|given|sur|middle|maiden)_?name|^name$|^person$",
    "an e-mail address": r"e_?mail",
    "a telephone number": r"phone|mobile|^tel$|fax",
    "an address": r"address|street|post_?code|zip(_?code)?$|^city$",
    "a date of birth": r"birth|^dob$",
    "an identity number": r"(^|_)(ssn|nin|passport|tax_?id|national_?id|iban|card_?number)($|_)",
    "a network address": r"(^|_)ip(_?address)?$|mac_?address",
    "a position": r"^(lat|lon|lng|latitude|longitude)$",
    "a sensitive trait": r"(^|_)(gender|sex|religion|ethnicity|race|diagnosis|disability)($|_)",
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+\d[\d\s().-]{6,18}\d|\(?0\d{1,4}\)?[\s/-][\d\s-]{5,12}\d")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_IP = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}")


def guess(name: str, values: Sequence[str] = ()) -> str | None:
    """Return what a column seems to hold, in words; None if nothing personal.

    Args:
        name: The column.
        values: Some of its values as text.
    """
    said = [value.strip() for value in values if value.strip()]
    for what, fits in _FORMS.items():
        share = sum(map(fits, said)) / len(said) if said else 0.0
        if share >= ENOUGH:
            return f"{share:.0%} of the values look like {what}"
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return next((f"its name says {w}" for w, p in NAMES.items() if re.search(p, snake)), None)


def _is_iban(value: str) -> bool:
    """Say whether the check digits hold (ISO 13616)."""
    plain = value.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return False
    digits = "".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])
    return int(digits) % _IBAN_CHECK == _IBAN_REST


def _is_card(value: str) -> bool:
    """Say whether the check digit holds (ISO/IEC 7812, Luhn)."""
    if not _CARD.fullmatch(value):
        return False
    digits = [int(letter) for letter in reversed(value) if letter.isdigit()]
    doubled = [sum(divmod(2 * d, 10)) if i % 2 else d for i, d in enumerate(digits)]
    return sum(doubled) % 10 == 0


_FORMS = {
    "e-mail addresses": lambda value: _EMAIL.fullmatch(value) is not None,
    "IBANs": _is_iban,
    "payment cards": _is_card,
    "IP addresses": lambda value: _IP.fullmatch(value) is not None,
    "telephone numbers": lambda value: _PHONE.fullmatch(value) is not None,
}
