"""Looks for personal data in text columns, inside of longer texts too, by presidio's recognisers.

Those of form and check digit alone are taken (e-mail address, telephone number, IBAN, payment card,
network address): they need no language model and give the same answer everywhere. Names and places
are not found; a column of free text is therefore told as such.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbill.errors import DataError, MissingExtraError

# Distinct values of a column that are looked at: those with the least digests, always the same.
VALUES = 5000
# Words from which on the values of a column are free text, on the average.
WORDS = 4
# Presidio's score below which a number is taken for no telephone number, and the like.
SCORE = 0.4
KINDS = {
    "EMAIL_ADDRESS": "e-mail addresses",
    "PHONE_NUMBER": "telephone numbers",
    "IBAN_CODE": "IBANs",
    "CREDIT_CARD": "payment cards",
    "IP_ADDRESS": "network addresses",
}
Recognise = Callable[[str], set[str]]


@dataclass(frozen=True)
class Found:
    """What a text column seems to hold.

    Attributes:
        column: Its name.
        values: Distinct values that were looked at.
        kinds: Share of them in which something was found, by what.
        is_free_text: True if the values are sentences, in which anything may stand.
        personal: True if the contract calls the column personal, or conf/privacy treats it.
    """

    column: str
    values: int
    kinds: Mapping[str, float]
    is_free_text: bool
    personal: bool

    @property
    def is_missed(self) -> bool:
        """True if something was found and nobody said so."""
        return not self.personal and bool(self.kinds or self.is_free_text)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "missed": self.is_missed}


def scan(
    file: Path, personal: Iterable[str] = (), say: Callable[[int, int], None] = lambda _, __: None
) -> list[Found]:
    """Return what the text columns of a Parquet or CSV file seem to hold; no value is in it.

    Args:
        file: The file; of a column, VALUES distinct values are looked at.
        personal: Columns that are known to be personal.
        say: Told how many columns are done, and how many there are.

    Raises:
        DataError: The file cannot be read.
        MissingExtraError: The recognisers are not installed.
    """
    recognise, texts, known = recogniser(), _texts(file), set(personal)
    found = []
    for index, (column, values) in enumerate(texts.items()):
        say(index, len(texts))
        found.append(_look(column, values, recognise, personal=column in known))
    say(len(texts), len(texts))
    return found


def recogniser() -> Recognise:
    """Return a function that says what kinds of personal data stand in a text.

    Raises:
        MissingExtraError: presidio-analyzer is not installed.
    """
    try:
        import tldextract
        from presidio_analyzer import predefined_recognizers as known
    except ImportError as error:
        raise MissingExtraError(
            f"the scan needs what is not installed: {error}",
            expected="the extra `privacy`",
            run="pip install 'playbill[privacy]'",
        ) from error
    # The list of suffixes that the library brings: it would ask the network for a newer one.
    domains = tldextract.TLDExtract(suffix_list_urls=())

    class Email(known.EmailRecognizer):  # type: ignore[misc,unused-ignore]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(domains(pattern_text).top_domain_under_public_suffix)

    all_ = [
        Email(),
        known.PhoneRecognizer(),
        known.IbanRecognizer(),
        known.CreditCardRecognizer(),
        known.IpRecognizer(),
    ]

    nothing: Any = None  # what a language model would have found

    def recognise(text: str) -> set[str]:
        return {
            each.entity_type
            for one in all_
            for each in one.analyze(text, one.supported_entities, nothing) or []
            if each.score >= SCORE
        }

    return recognise


def _look(column: str, values: list[str], recognise: Recognise, *, personal: bool) -> Found:
    counts = Counter(kind for value in values for kind in recognise(value))
    words = sum(len(value.split()) for value in values) / len(values) if values else 0
    kinds = {KINDS[kind]: round(counts[kind] / len(values), 4) for kind in KINDS if kind in counts}
    return Found(column, len(values), kinds, words >= WORDS, personal)


def _texts(file: Path) -> dict[str, list[str]]:
    import duckdb

    readers = {".parquet": "read_parquet(?)", ".csv": "read_csv(?)"}
    reader = readers.get(file.suffix.lower())
    if reader is None or not file.is_file():
        raise DataError(
            f"{file} is no table" if file.is_file() else f"{file} is not there",
            expected="a .parquet or a .csv file",
            run="dvc repro ingest, which writes data/ingested/table.parquet",
        )
    try:
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SET enable_progress_bar = false")
            rows = connection.execute(f"DESCRIBE SELECT * FROM {reader}", [str(file)]).fetchall()  # noqa: S608
            names = [str(name) for name, kind, *_ in rows if kind == "VARCHAR"]
            return {name: _distinct(connection, reader, file, name) for name in names}
    except duckdb.Error as error:
        raise DataError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error


def _distinct(connection: Any, reader: str, file: Path, name: str) -> list[str]:
    quoted = '"' + name.replace('"', '""') + '"'
    query = (
        f"SELECT {quoted} FROM {reader} WHERE {quoted} IS NOT NULL "  # noqa: S608 - it is quoted
        f"GROUP BY 1 ORDER BY md5({quoted}) LIMIT {VALUES}"
    )
    return [str(value) for (value,) in connection.execute(query, [str(file)]).fetchall()]
