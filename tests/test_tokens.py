"""Tokens of CDS clients: who is let in, once, and who is not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import charts
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hook_calls import EHR, SITE, check_outcome
from in_process import Client, asking
from running import serving

from reasoner.serve.settings import Settings

EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = ec.generate_private_key(ec.SECP384R1())
NUMBERS = count()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the clients' public keys."""
    own = [
        {**jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ec", "alg": "ES384"},
        {**jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa", "alg": "RS384"},
    ]
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    file.write_text(json.dumps({"keys": own}))
    return file


@pytest.fixture(scope="module")
def guarded(own_cache: None, keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    scratch = str(tmp_path_factory.mktemp("scratch"))
    with asking(Settings(keys=str(keys), issuers=(EHR,), public_url=SITE, scratch=scratch)) as client:
        yield client


def token(key: Any = EC_KEY, algorithm: str = "ES384", kid: str = "ec", typ: str = "JWT", **changes: object) -> str:
    now = int(time.time())
    claims = {"iss": EHR, "aud": f"{SITE}/cds-services", "exp": now + 300, "iat": now, "jti": f"t{next(NUMBERS)}"}
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, key, algorithm, {"kid": kid, "typ": typ})


def discover(service: Client, bearer: str | None) -> httpx.Response:
    return service.get("/cds-services", headers={} if bearer is None else {"Authorization": f"Bearer {bearer}"})


def test_a_clients_token_opens_discovery_services_and_feedback(guarded: Client) -> None:
    assert discover(guarded, token()).status_code == 200
    assert discover(guarded, token(RSA_KEY, "RS384", "rsa", aud=[f"{SITE}/cds-services"])).status_code == 200
    path = "/cds-services/guideline-patient-view"
    body = charts.hook_call("patient-view", charts.second_line())
    mine = {"Authorization": f"Bearer {token(aud=SITE + path)}"}
    assert len(guarded.post(path, json=body, headers=mine).json()["cards"]) == 2
    mine = {"Authorization": f"Bearer {token(aud=f'{SITE}{path}/feedback')}"}
    assert guarded.post(f"{path}/feedback", json={"feedback": []}, headers=mine).status_code == 200
    assert guarded.post("/api/answer", json={"patient": {"id": "p", "metastatic_therapy": []}}).status_code == 200


@pytest.mark.parametrize(
    "bad",
    [
        lambda: None,
        lambda: "Bearer",
        lambda: "nonsense",
        lambda: token(OTHER_KEY),
        lambda: token(kid="other"),
        lambda: token(RSA_KEY, "RS384", kid="ec"),
        lambda: token(RSA_KEY, "RS256", kid="rsa"),
        lambda: token("a secret of thirty-two characters", "HS256"),
        lambda: jwt.encode({"iss": EHR}, None, "none", {"kid": "ec"}),
        lambda: token(typ="at+jwt"),
        lambda: token(aud=f"{SITE}/cds-services/guideline-order-sign"),
        lambda: token(aud="https://other.example/cds-services"),
        lambda: token(iss="https://other.example"),
        lambda: token(exp=int(time.time()) - 60),
        lambda: token(exp=int(time.time()) + 86_400),
        lambda: token(iat=int(time.time()) + 600),
        *(lambda name=name: token(**{name: None}) for name in ("iss", "aud", "exp", "iat", "jti")),
        lambda: token()[:-8] + "AAAAAAAA",
    ],
)  # fmt: skip
def test_every_kind_of_wrong_token_is_refused(bad: Any, guarded: Client) -> None:
    answer = discover(guarded, bad())
    check_outcome(answer, 401, "token")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_is_good_once_in_all_workers(own_cache: None, keys: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--keys", keys, "--public-url", SITE, "--workers", "2") as service:
        headers = {"Authorization": f"Bearer {token()}"}
        statuses = [httpx.get(f"{service.url}/cds-services", headers=headers).status_code for _ in range(12)]
    assert statuses == [200] + [401] * 11


def test_without_a_token_nothing_of_a_call_is_read(guarded: Client) -> None:
    path: Path | str = "/cds-services/guideline-patient-view"
    check_outcome(guarded.post(path, content=b"{"), 401, "no bearer token")
    check_outcome(guarded.post(f"{path}/feedback", content=b"{"), 401, "no bearer token")
