"""JSON Web Tokens (RFC 7519), checked with the public keys of a file: no network is asked.

The algorithms are those of the settings, never the token's own choice, and `alg: none` is none of
them. Audience and expiry are always demanded.
"""

import json
import time
from typing import Any

from playbill.errors import UsageError
from playbill.server.keys import SCOPES
from playbill.server.settings import Tokens

LONGEST = 8192  # characters of a token


class Verifier:
    """Checks tokens.

    Args:
        tokens: The settings.

    Raises:
        UsageError: The key file cannot be read, or joserfc is not installed.
    """

    def __init__(self, tokens: Tokens) -> None:
        try:
            from joserfc.errors import JoseError
            from joserfc.jwk import KeySet
            from joserfc.jwt import JWTClaimsRegistry
        except ImportError as error:
            raise UsageError(
                "JSON Web Tokens need the package joserfc",
                where="authentication.tokens",
                run="name it in conf/server under packages, or pip install joserfc",
            ) from error
        try:
            self._keys = KeySet.import_key_set(json.loads(tokens.jwks.read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            raise UsageError(
                "the key set cannot be read", where=str(tokens.jwks), expected="a JWK Set"
            ) from error
        self._algorithms = list(tokens.algorithms)
        claims: dict[str, Any] = {
            "aud": {"essential": True, "value": tokens.audience},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        if tokens.issuer is not None:
            claims["iss"] = {"essential": True, "value": tokens.issuer}
        self._claims = claims
        self._registry = JWTClaimsRegistry
        self._leeway = tokens.leeway_seconds

    def scopes(self, token: str) -> tuple[str, list[str]] | None:
        """Return whose token it is and its scopes, or None if it is not taken."""
        from joserfc import jwt

        if len(token) > LONGEST:
            return None
        try:
            found = jwt.decode(token, self._keys, algorithms=self._algorithms)
            registry = self._registry(now=int(time.time()), leeway=self._leeway, **self._claims)
            registry.validate(found.claims)
            said = found.claims.get("scope", "")
            names = said.split() if isinstance(said, str) else [str(each) for each in said]
            return str(found.claims["sub"]), [name for name in names if name in SCOPES]
        except Exception:  # noqa: BLE001 - whatever is wrong with a token, it is not taken
            return None
