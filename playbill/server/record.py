"""What the prediction log has of one answer, as a line of JSON.

Columns that the contract calls personal are left out, or stand as a keyed HMAC (RFC 2104), so that
equal values can still be told to be equal by who has the key.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import pydantic_core

from playbill.server.plain import Plain, PlainRows, values_of

ANSWERED = ("prediction_id", "label", "probability", "probabilities", "value")
COMMON = ("time", "request_id", "principal", "row")


class Recorder:
    """Writes records.

    Args:
        facts: What is the same in every record, such as the model's digest.
        columns: Names of the columns.
        plain: What the rows are.
        personal: Columns that must not be logged as they are.
        key: Key of the HMAC; None leaves them out.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        columns: Sequence[str],
        plain: PlainRows,
        personal: frozenset[str],
        key: bytes | None,
    ) -> None:
        self._facts = dict(facts)
        self._columns = tuple(columns)
        self._personal = personal & set(columns)
        self._whole = plain.named and not self._personal
        self._key = key
        self._write = msgspec.json.Encoder().encode_lines
        self._kinds: dict[tuple[str, ...], type[msgspec.Struct]] = {}
        self._second = -1
        self._shown = ""

    def lines(
        self,
        rows: Sequence[Plain],
        answers: Sequence[Mapping[str, Any]],
        who: str,
        request: str,
    ) -> bytes:
        """Return the lines of answers.

        Args:
            rows: The validated rows.
            answers: What was answered to each.
            who: Name of the key.
            request: Identifier of the request.
        """
        # Begins with the identifier, by which `playbill.prediction.log` finds it.
        names = tuple(name for name in ANSWERED if name in answers[0])
        kind = self._kinds.get(names) or self._kind(names)
        said = map(itemgetter(*names), answers)
        shown = rows if self._whole else [self._row(row) for row in rows]
        now = self._now()
        pairs = zip(said, shown, strict=True)
        return self._write([kind(*one, now, request, who, row) for one, row in pairs])

    def _kind(self, names: tuple[str, ...]) -> type[msgspec.Struct]:
        """Return the type of a record: what was answered, then what is common, then the facts."""
        fields: list[Any] = [(name, Any) for name in (*names, *COMMON)]
        fields += [(name, Any, value) for name, value in self._facts.items()]
        self._kinds[names] = kind = msgspec.defstruct("Record", fields, gc=False)
        return kind

    def _row(self, row: Plain) -> dict[str, Any]:
        found = dict(zip(self._columns, values_of(row), strict=True))
        for name in self._personal:
            value = found.pop(name)
            if self._key is not None:
                found[name] = self._sealed(name, value)
        return found

    def _sealed(self, name: str, value: Any) -> str | None:
        if value is None:
            return None
        assert self._key is not None
        text = name.encode() + b"\0" + pydantic_core.to_json(value)
        return "hmac-sha256:" + hmac.new(self._key, text, hashlib.sha256).hexdigest()

    def _now(self) -> str:
        second, rest = divmod(time.time_ns(), 10**9)
        if second != self._second:
            self._shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._shown}.{rest // 10**6:03d}Z"
