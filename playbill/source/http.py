"""Requests of the sources `rest` and `html`: paced, and tried again where that can help.

A request is tried again when it is answered 429 or 5xx, when nobody answers, and when the answer
breaks off; as long as the server's Retry-After says, else with a growing pause. Redirects are not
followed: a token might be carried to another host.
"""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from playbill.config.source import HtmlSource, RestSource
from playbill.errors import DataError
from playbill.source.base import Context, missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    import tenacity

LONGEST_PAUSE = 300.0
_TOO_MANY, _SERVER, _REDIRECT, _CLIENT = 429, 500, 300, 400
_SHOWN = 200
T = TypeVar("T")


class _TransientError(Exception):
    """What may be over at the next try, and how long the server says to wait."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


@dataclass
class Client:
    """Asks one server; a session of its own, no more often than its source allows.

    Attributes:
        source: How often, how long, how many tries.
        context: For errors.
        headers: Sent with each request; they may be secret.
    """

    source: RestSource | HtmlSource
    context: Context
    headers: dict[str, str] = field(default_factory=dict)
    _last: float = 0.0

    def __post_init__(self) -> None:
        try:
            import requests
            import tenacity  # noqa: F401 - asked for now, not after the first failure
        except ImportError as error:
            raise missing_extra(self.source.kind, self.context, error) from error
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc would add a password that nobody declared
        self._session.headers.update({**self.source.headers, **self.headers})

    def get(
        self, url: str, parameters: dict[str, Any], read: "Callable[[requests.Response], T]"
    ) -> T:
        """Return what `read` makes of the answer; a ValueError of it counts as an answer cut short.

        Raises:
            DataError: The server refuses, or has failed at each try.
        """
        import tenacity

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.source.attempts),
            wait=self._pause,
            retry=tenacity.retry_if_exception_type(_TransientError),
            reraise=True,
        )
        try:
            found: T = retrying(self._once, url, parameters, read)
        except _TransientError as error:
            raise DataError(
                f"source `{self.context.name}`: {_plain(url)} failed {self.source.attempts} times, "
                f"at last: {error}",
                where=self.context.where,
                expected="an answer; what had come in before is kept",
                run="run it again later; it goes on where it stopped",
            ) from error
        return found

    def _once(
        self, url: str, parameters: dict[str, Any], read: "Callable[[requests.Response], T]"
    ) -> T:
        import requests

        self._wait_turn()
        try:
            answer = self._session.get(
                url, params=parameters, timeout=self.source.timeout, allow_redirects=False
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _TransientError(f"no whole answer ({type(error).__name__})") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise _TransientError("the answer breaks off") from error
        except requests.RequestException as error:
            raise self._refused(url, str(error)) from error
        status = answer.status_code
        if status == _TOO_MANY or status >= _SERVER:
            raise _TransientError(f"status {status}", _retry_after(answer))
        if status >= _REDIRECT:
            to = answer.headers.get("Location")
            says = f"status {status}" + (f", it has moved to {_plain(to)}" if to else "")
            raise self._refused(url, says if status < _CLIENT else f"{says}: {answer.reason}")
        try:
            return read(answer)
        except ValueError as error:
            raise _TransientError(f"the answer cannot be read: {str(error)[:_SHOWN]}") from error

    def _refused(self, url: str, says: str) -> DataError:
        return DataError(
            f"source `{self.context.name}`: {_plain(url)} answers {says}",
            where=f"{self.context.where}.url",
            expected="an address that answers 200, and secrets that it accepts",
        )

    def _wait_turn(self) -> None:
        if self.source.per_second is not None:
            time.sleep(max(0.0, self._last + 1 / self.source.per_second - time.monotonic()))
            self._last = time.monotonic()

    def _pause(self, state: "tenacity.RetryCallState") -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _TransientError) and error.after is not None:
            return min(error.after, LONGEST_PAUSE)
        pause = self.source.backoff * 2.0 ** (state.attempt_number - 1)
        return float(min(pause, LONGEST_PAUSE))


def _retry_after(answer: "requests.Response") -> float | None:
    """Return the seconds of a Retry-After; a date is left to the growing pause."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else None


def _plain(url: str) -> str:
    """Return an address without its query, in which a token may stand."""
    return url.partition("?")[0]
