"""The JSON web tokens by which CDS clients are known, as CDS Hooks defines them."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import jwt

from reasoner.errors import ReasonerError
from reasoner.serve.problems import RefusedError

__all__ = ["TokenVerifier"]

ALGORITHMS = ("ES384", "RS384")
CLAIMS = ["iss", "aud", "exp", "iat", "jti"]
LONGEST_SECONDS = 3600
CHALLENGE = {"WWW-Authenticate": "Bearer"}


class TokenVerifier:
    """Verifies tokens by the clients' public keys; each token is valid once.

    `keys` is a file with a JWK Set of public keys; `issuers` are those trusted, or all that have a key where there are none.
    Used tokens are kept until they expire, in the folder `scratch` that all processes of the service share.

    Raises ReasonerError where the file has no usable key.
    """

    def __init__(self, keys: Path, issuers: tuple[str, ...], scratch: str) -> None:
        try:
            found = jwt.PyJWKSet.from_json(keys.read_text("utf-8")).keys
        except (OSError, ValueError, jwt.PyJWTError) as error:
            raise ReasonerError(f"{keys}: not a JWK Set: {error}; give the clients' public keys as in RFC 7517") from None
        self.keys = {key.key_id: key for key in found if key.key_id and key.algorithm_name in ALGORITHMS}
        if not self.keys:
            raise ReasonerError(f'{keys}: no key has a "kid" and the algorithm {" or ".join(ALGORITHMS)}; add one')
        self.issuers = issuers
        self.used = sqlite3.connect(Path(scratch) / "tokens" if scratch else ":memory:", isolation_level=None)
        self.used.execute("pragma synchronous = off")
        self.used.execute("create table if not exists used (iss, jti, exp, primary key (iss, jti)) without rowid")

    def verify(self, authorization: str, endpoint: str) -> None:
        """Verify the ``Authorization`` header of a request to the URL `endpoint`.

        Raises RefusedError 401 where it holds no valid token.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RefusedError(401, "no bearer token; send a JSON web token as CDS Hooks defines it", headers=CHALLENGE)
        try:
            head = jwt.get_unverified_header(token)
            key = self.keys.get(head.get("kid", ""))
            if key is None:
                raise jwt.InvalidKeyError('its "kid" is not the id of a configured key')
            if head.get("typ") != "JWT":
                raise jwt.InvalidTokenError('its "typ" is not JWT')
            claims = jwt.decode(
                token,
                key,
                algorithms=[str(key.algorithm_name)],
                audience=endpoint,
                issuer=self.issuers or None,
                options={"require": CLAIMS, "verify_jti": True},
                leeway=5,
            )
            self.use_once(claims["iss"], claims["jti"], claims["exp"])
        except jwt.PyJWTError as error:
            raise RefusedError(401, f"the token is refused: {error}", headers=CHALLENGE) from None

    def use_once(self, issuer: str, name: str, expires: float) -> None:
        """Mark a token as used; raises PyJWTError where it was used before or would have to be kept too long."""
        now = time.time()
        if expires > now + LONGEST_SECONDS:
            raise jwt.InvalidTokenError(f"it expires in more than {LONGEST_SECONDS} seconds")
        self.used.execute("delete from used where exp < ?", (now - 60,))
        try:
            self.used.execute("insert into used values (?, ?, ?)", (issuer, name, expires))
        except sqlite3.IntegrityError:
            raise jwt.InvalidTokenError("it was used before") from None
