"""What the prediction log has of one answer, as a line of JSON.

Columns that the contract calls personal are left out, or stand as a keyed HMAC (RFC 2104), so that
equal values can still be told to be equal by who has the key.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic_core
from pydantic import BaseModel

ANSWERED = ("prediction_id", "label", "probability", "probabilities", "value")


class Recorder:
    """Writes records.

    Args:
        facts: What is the same in every record, such as the model's digest.
        fields: Field of a row by the name of its column.
        personal: Columns that must not be logged as they are.
        key: Key of the HMAC; None leaves them out.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        fields: Mapping[str, str],
        personal: frozenset[str],
        key: bytes | None,
    ) -> None:
        self._tail = pydantic_core.to_json(dict(facts))[1:] + b"\n"
        self._personal = {name: fields[name] for name in fields if name in personal}
        self._hidden = set(self._personal.values()) or None
        self._key = key
        self._second = -1
        self._shown = ""

    def lines(
        self,
        rows: Sequence[BaseModel],
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
        common = {"time": self._now(), "request_id": request, "principal": who}
        same = pydantic_core.to_json(common)[1:-1]
        pairs = zip(rows, answers, strict=True)
        return b"".join([self._line(row, answer, same) for row, answer in pairs])

    def _line(self, row: BaseModel, answer: Mapping[str, Any], same: bytes) -> bytes:
        said = pydantic_core.to_json(
            {name: answer[name] for name in ANSWERED if name in answer}
        )  # begins with the identifier, by which `playbill.prediction.log` finds it
        return b'%s,%s,"row":%s,%s' % (said[:-1], same, self._row(row), self._tail)

    def _row(self, row: BaseModel) -> bytes:
        writer = row.__pydantic_serializer__
        shown = writer.to_json(row, by_alias=True, exclude=self._hidden)
        if not self._personal or self._key is None:
            return shown
        hidden = {
            name: self._sealed(name, getattr(row, field)) for name, field in self._personal.items()
        }
        return (
            shown[:-1]
            + (b"," if len(shown) > len(b"{}") else b"")
            + pydantic_core.to_json(hidden)[1:]
        )

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
