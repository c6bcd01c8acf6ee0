"""What prefetch lacks is fetched: the whole way from an EHR to the page, and never where a hostile server wants it."""

from __future__ import annotations

import gzip
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import charts
import ehr
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ehr import TOKEN, Ehr, Request, as_vendors_do, serving_fhir
from hook_calls import SITE, call, check_card, check_outcome
from hypothesis import given
from hypothesis import strategies as st
from in_process import Client, asking
from running import serving

from reasoner.serve.ehr import FhirServers
from reasoner.serve.settings import Settings
from reasoner.serve.transport import MOST_LOOK_UPS, Connection, FetchError, Server, is_public, verifying

SECOND = "second line: trastuzumab deruxtecan"
UNKNOWN = "undetermined: the advice depends first on this: Which courses were given"


def leave(server: Ehr, token: str = TOKEN) -> dict[str, Any]:
    """Name a server in a call, with the token to read from it."""
    given = {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read", "subject": "cds"}
    return {"fhirServer": server.url, "fhirAuthorization": given}


@contextmanager
def fetching(server: Ehr, **more: Any) -> Iterator[Client]:
    with asking(Settings(public_url=SITE, fhir_servers=(f"{server.url}/",), **more)) as client:
        yield client


def summaries(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    for card in answer.json()["cards"]:
        check_card(card)
    return [card["summary"] for card in answer.json()["cards"]]


def test_the_whole_way_from_the_hook_over_an_ehr_to_the_page(browser: Any, own_cache: None, tmp_path: Path) -> None:
    with (
        serving_fhir(as_vendors_do(ehr.second_line())) as server,
        serving(tmp_path, "--fhir-server", server.url) as service,
    ):
        prefetch = {"patient": charts.second_line()["patient"], "conditions": None}
        body = charts.hook_call("patient-view", prefetch) | leave(server)
        answer = service.client.post("/cds-services/guideline-patient-view", json=body)
        advice = answer.json()["cards"][0]
        assert advice["summary"].startswith(SECOND)
        assert "This health record has no list of the medication statements" in advice["detail"] + json.dumps(server.asked)
        assert [path for path, _ in server.asked if "_getpages=MedicationAdministration" in path]
        assert not [path for path, _ in server.asked if "_getpages=Observation" in path]
        assert {token for path, token in server.asked if not path.endswith("/metadata")} == {f"Bearer {TOKEN}"}
        page = browser.new_page()
        page.goto(advice["links"][0]["url"])
        page.locator("fieldset.field").first.wait_for()
        page.locator('#answers[aria-busy="false"]').wait_for()
        assert page.locator("#answers").inner_text().startswith("Second line: trastuzumab deruxtecan")
        assert "trastuzumab deruxtecan (T-DXd)" in page.locator(".recommendation").first.inner_text()
        page.close()
        assert TOKEN not in service.log.read_text()


def test_only_what_lacks_is_fetched_and_an_incomplete_list_anew(own_cache: None) -> None:
    with serving_fhir(as_vendors_do(ehr.second_line())) as server, fetching(server) as client:
        chart = charts.second_line()
        assert summaries(call(client, "patient-view", chart, **leave(server)))[0].startswith(SECOND)
        assert server.asked == []
        chart["observations"]["link"] = [{"relation": "next", "url": "http://127.0.0.1:9/steal"}]
        del chart["procedures"]
        assert summaries(call(client, "patient-view", chart, **leave(server)))[0].startswith(SECOND)
        assert {path.partition("?")[0] for path, _ in server.asked} == {"/fhir/r4/Observation", "/fhir/r4/Procedure"}


def test_without_leave_nothing_is_fetched_and_what_lacks_is_unknown(own_cache: None) -> None:
    chart = charts.second_line()
    del chart["medicationAdministrations"]
    with serving_fhir(as_vendors_do(ehr.second_line())) as server, asking(Settings(public_url=SITE)) as client:
        assert summaries(call(client, "patient-view", chart, **leave(server)))[0].startswith(UNKNOWN)
        with fetching(server) as allowed:
            for change in (
                {"fhirServer": f"{server.url}/other"},
                {"fhirServer": server.url.replace("127.0.0.1", "localhost")},
                {"fhirServer": server.url.replace("127.0.0.1", f"127.0.0.1:{server.server_port}@evil.example")},
                {"fhirServer": f"{server.url}?x=1"},
                {"fhirServer": "file:///etc/passwd"},
                {"fhirServer": None},
                {"fhirAuthorization": {"access_token": "a\r\nX-Evil: 1"}},
                {"fhirAuthorization": {"access_token": TOKEN, "token_type": "MAC"}},
            ):
                assert summaries(call(allowed, "patient-view", chart, **(leave(server) | change)))[0].startswith(UNKNOWN)
            assert server.asked == []
            assert summaries(call(allowed, "patient-view", chart, **leave(server, "other")))[0].startswith(UNKNOWN)
            odd = charts.hook_call("patient-view", None) | leave(server)
            for name in ("..", "../../admin", "a b", "a?b", "a/b", "x" * 300):
                odd["context"]["patientId"] = name
                check_outcome(allowed.post("/cds-services/guideline-patient-view", json=odd), 412, "prefetch.patient")
            assert {path.partition("?")[0] for path, _ in server.asked} == {"/fhir/r4/MedicationAdministration"}


def page_of(next_link: object, **more: Any) -> bytes:
    link = [{"relation": "next", "url": next_link}] if next_link is not None else []
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": [], "link": link, **more}).encode()


def endless(request: Request) -> None:
    request.give(page_of(f"{request.server.url}/MedicationRequest?page={len(request.server.asked)}"))


def circling(request: Request) -> None:
    request.give(page_of(f"{request.server.url}/MedicationRequest?page=1"))


def dripping(head: bool) -> Callable[[Request], None]:
    def drip(request: Request) -> None:
        if not head:
            request.send_response(200)
            request.send_header("Content-Type", "application/fhir+json")
            request.send_header("Content-Length", "1000000")
            request.end_headers()
        else:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(200):
            request.wfile.write(b" ")
            time.sleep(0.05)

    return drip


def huge(told: bool) -> Callable[[Request], None]:
    def give(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "application/fhir+json")
        if told:
            request.send_header("Content-Length", str(10**12))
        else:
            request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(b'{"resourceType":"Bundle","entry":[')
        for _ in range(200):
            request.wfile.write(b" " * 65_536)

    return give


def squeezed(request: Request) -> None:
    request.give(gzip.compress(b" " * 10_000_000 + page_of(None)), Content_Encoding="gzip")


def cut_off(request: Request) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "application/fhir+json")
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(page_of(None))
    request.close_connection = True


def headers_without_end(request: Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(1_000):
        request.wfile.write(b"X-%d: y\r\n" % number)


def giving(content: object, status: int = 200, **headers: str) -> Callable[[Request], None]:
    return lambda request: request.give(content, status, **headers)


def paged(total: int, *pages: str) -> Callable[[Request], None]:
    """Answer with pages, each of the requests with these ids, and the total."""

    def give(request: Request) -> None:
        number = int(request.path.partition("&page=")[2] or 0)
        after = f"{request.server.url}/MedicationRequest?a=b&page={number + 1}" if number + 1 < len(pages) else None
        request.give(page_of(after, total=total, entry=[{"resource": requested(name)} for name in pages[number]]))

    return give


def requested(name: str) -> dict[str, Any]:
    drug = charts.drug("trastuzumab")
    return charts.about("MedicationRequest", name, "patient-7", status="draft", medicationCodeableConcept=drug)


def warned(code: str, severity: str = "warning", *names: str) -> bytes:
    """Make a searchset of requests with an outcome that has an issue of a type."""
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}
    return page_of(None, entry=[*({"resource": requested(name)} for name in names), {"resource": outcome}])


def breaking_off(request: Request) -> None:
    """Answer with a first page, and with an error where the second is asked for."""
    if "page=2" in request.path:
        request.give(ehr.failure("not-found", "the search has expired"), 404)
    else:
        request.give(page_of(f"{request.server.url}/MedicationRequest?page=2"))


def offering(answer: Callable[[Request], None], *statements: object) -> Callable[[Request], None]:
    """Answer the question for what is offered with these statements, one after the other and then the last."""
    told = iter(statements)

    def give(request: Request) -> None:
        if request.path.endswith("/metadata"):
            request.give(next(told, statements[-1]))
        else:
            answer(request)

    return give


def statement(*kinds: str, mode: str = "server") -> dict[str, Any]:
    rest = {"mode": mode, "resource": [{"type": kind} for kind in kinds]}
    return {"resourceType": "CapabilityStatement", "rest": [rest]}


def to_another(form: str) -> Callable[[Request], None]:
    """Answer with a page whose next link leads to the other server, written in some form."""

    def give(request: Request) -> None:
        other = request.server.other  # type: ignore[attr-defined]
        port = request.server.server_port
        request.give(page_of(form.format(other=other, host=f"127.0.0.1:{other}", own=f"127.0.0.1:{port}")))

    return give


ELSEWHERE = "pointed to another place"
HOSTILE: dict[str, tuple[Callable[[Request], None], str]] = {
    "pages without end": (endless, "there are too many of them|took too long"),
    "pages in a circle": (circling, "there are too many of them"),
    "a body that drips": (dripping(head=False), "took too long"),
    "a head that drips": (dripping(head=True), "took too long"),
    "a huge body that says so": (huge(told=True), "there are too many of them"),
    "a huge body that does not say so": (huge(told=False), "there are too many of them"),
    "a body that swells when unpacked": (squeezed, "cannot be read"),
    "a body that is cut off": (cut_off, "could not be reached"),
    "headers without end": (headers_without_end, "could not be reached"),
    "a page of the web": (giving(page_of(None), Content_Type="text/html"), "cannot be read"),
    "no JSON": (giving(b"{"), "cannot be read"),
    "deep nesting": (giving(b'{"a":' * 50_000), "cannot be read"),
    "another resource": (giving({"resourceType": "Patient", "id": "x"}), "cannot be read"),
    "an outcome": (giving(ehr.failure("timeout", "no")), "reported an error"),
    "an outcome within": (giving(charts.searchset([ehr.failure("timeout", "no")])), "reported an error"),
    "fewer than it says": (giving(page_of(None, total=3)), "only some of them"),
    "a total that is no number": (giving(page_of(None, total="many")), "only some of them"),
    "a total that nobody can count to": (giving(page_of(None, total="9" * 5_000)), "only some of them"),
    "fewer than it says, one of them twice": (paged(4, "ab", "bc"), "only some of them"),
    "a page that is not there any more": (offering(breaking_off, statement("Patient", "Condition")), "only some of them"),
    "an error beside what was found": (
        offering(giving(warned("timeout", "error", "a")), statement("Patient", "Condition")),
        "only some of them",
    ),
    **{
        f"a warning that some may lack: {code}": (giving(warned(code, "warning", "a")), "only some of them")
        for code in ("incomplete", "timeout", "throttled", "too-costly", "transient", "no-store", "suppressed", "forbidden")
    },
    "no list by what a client offers": (
        offering(giving(b"{}", 404), statement("Patient", "Condition", mode="client")),
        "not found",
    ),
    "no list by a statement that is not whole": (offering(giving(b"{}", 404), statement("Patient")), "not found"),
    "no leave": (giving(ehr.failure("login", "no"), 401), "did not allow access"),
    "no right": (giving(ehr.failure("forbidden", "no"), 403), "did not allow access"),
    "not there": (giving(ehr.failure("not-found", "no"), 404), "not found"),
    "not supported, it says": (giving(ehr.failure("not-supported", "no"), 404), "not found"),
    "too many requests": (giving(b"{}", 429, Retry_After="1"), "too busy"),
    "an internal error": (giving(b"{}", 500), "could not be reached"),
    "a link without an address": (to_another(""), ELSEWHERE),
    "a link that is none": (giving(page_of(7)), ELSEWHERE),
    "another host": (to_another("http://{host}/fhir/r4/MedicationRequest"), ELSEWHERE),
    "another host without a scheme": (to_another("//{host}/fhir/r4/MedicationRequest"), ELSEWHERE),
    "another host behind a name": (to_another("http://{own}@{host}/fhir/r4/MedicationRequest"), ELSEWHERE),
    "another host behind a backslash": (to_another("http://{own}\\@{host}/fhir/r4"), ELSEWHERE),
    "another scheme": (to_another("ftp://{own}/fhir/r4/MedicationRequest"), ELSEWHERE),
    "a file": (to_another("file:///etc/passwd"), ELSEWHERE),
    "another path": (to_another("http://{own}/admin"), ELSEWHERE),
    "a path that goes up": (to_another("http://{own}/fhir/r4/../../admin"), ELSEWHERE),
    "a path that goes up in secret": (to_another("http://{own}/fhir/r4/%2e%2e/%252e%252e/admin"), ELSEWHERE),
    "a path beside": (to_another("http://{own}/fhir/r4evil"), ELSEWHERE),
    "a line that ends": (to_another("http://{own}/fhir/r4/x HTTP/1.1\r\nHost: evil"), ELSEWHERE),
}
for status in (301, 302, 303, 307, 308):
    HOSTILE[f"a redirect by {status}"] = (
        lambda request, status=status: request.give(  # type: ignore[misc]
            b"", status, Location=f"http://127.0.0.1:{request.server.other}/fhir/r4/MedicationRequest"
        ),
        ELSEWHERE,
    )


@pytest.mark.parametrize("way", list(HOSTILE))
def test_a_hostile_server_leaves_therapy_unknown_within_bounds_and_nothing_goes_elsewhere(way: str, own_cache: None) -> None:
    answer, words = HOSTILE[way]
    chart = charts.second_line()
    del chart["medicationRequests"]
    with serving_fhir(giving(page_of(None))) as other, serving_fhir(answer) as server:
        server.other = other.server_port  # type: ignore[attr-defined]
        with fetching(server, fetch_seconds=1.5, largest_body=2**20) as client:
            start = time.monotonic()
            advice, *_ = call(client, "patient-view", chart, **leave(server)).json()["cards"]
            assert time.monotonic() - start < 10
        assert advice["summary"].startswith(UNKNOWN)
        assert any(told in advice["detail"] for told in words.split("|"))
        assert other.asked == []
        assert len(server.asked) <= 51
        asked = {path.partition("?")[0] for path, _ in server.asked}
        assert asked <= {"/fhir/r4/MedicationRequest", "/fhir/r4/metadata"}


def test_what_a_server_lacks_is_asked_anew_by_each_call(own_cache: None) -> None:
    chart = charts.second_line()
    del chart["medicationRequests"]
    short, whole = statement("Patient", "Condition"), statement("Patient", "Condition", "MedicationRequest")
    with serving_fhir(offering(giving(b"{}", 404), short, whole)) as server, fetching(server) as client:
        first, second, third = (call(client, "patient-view", chart, **leave(server)).json()["cards"][0] for _ in range(3))
        assert "This health record has no list of the medication orders" in first["detail"]
        assert [own["summary"].startswith(UNKNOWN) for own in (first, second, third)] == [False, True, True]
        assert [path for path, _ in server.asked].count("/fhir/r4/metadata") == 2


@pytest.mark.parametrize("key", ["observations", "medicationStatements", "medicationDispenses", "procedures"])
def test_a_list_that_cannot_be_had_leaves_therapy_unknown(key: str, own_cache: None) -> None:
    chart = charts.second_line()
    del chart[key]
    for status in (403, 500):
        with serving_fhir(giving(ehr.failure("forbidden", "no"), status)) as server, fetching(server) as client:
            assert summaries(call(client, "patient-view", chart, **leave(server)))[0].startswith(UNKNOWN)


def test_many_slow_calls_leave_the_service_answering(own_cache: None) -> None:
    with (
        serving_fhir(dripping(head=False)) as server,
        fetching(server, fetch_seconds=1, waiting=4) as client,
        ThreadPoolExecutor(40) as pool,
    ):
        body = charts.hook_call("patient-view", None) | leave(server)
        slow = [pool.submit(client.post, "/cds-services/guideline-patient-view", json=body) for _ in range(40)]
        start = time.monotonic()
        assert client.get("/health").status_code == 200
        assert summaries(call(client, "patient-view", charts.second_line()))[0].startswith(SECOND)
        assert time.monotonic() - start < 5
        assert {answer.result().status_code for answer in slow} <= {412, 503}


PIECES = st.sampled_from(
    ["http:", "https:", "//", "/", "\\", "ehr.example.org", "evil.example", "@", ":443", ":8443", "fhir", "r4", "..", ".",
     "%2e", "%252e", "%2f", "?", "#", "a=b", " ", "\t", "\r\n", "\0", "[::1]", ";", "é", "Patient"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=8).map("".join), st.sampled_from(["/fhir/r4", ""]))
def test_no_link_leads_out_of_the_base_url(link: str, path: str) -> None:
    server = Server("https", "ehr.example.org", 443, path)
    target = server.target(link, f"{path}/Observation?a=b")
    if target is not None:
        sent, _, query = target.partition("?")
        assert (sent == (path or "/") or sent.startswith(f"{path}/"), ".." in unquote(sent), "\\" in sent) == (
            True,
            False,
            False,
        )
        assert re.fullmatch(r"[!-~]+", target)
        assert httpx.URL(f"https://ehr.example.org{target}").host == "ehr.example.org"
        assert "#" not in query


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_addresses_that_are_not_public_are_known_in_every_dress(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


def test_a_name_that_leads_to_a_private_address_is_not_followed_unless_its_network_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving_fhir(giving({"resourceType": "Bundle"})) as server:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        named = Server("http", "ehr.example.org", server.server_port, "/fhir/r4")
        closed, opened = (FhirServers((), networks, 5).networks for networks in ((), ("127.0.0.0/8",)))
        with pytest.raises(FetchError, match="private"):
            Connection(named, closed, time.monotonic() + 5).fetch("/fhir/r4/Condition", {}, 1_000)
        assert server.asked == []
        connection = Connection(named, opened, time.monotonic() + 5)
        assert connection.fetch("/fhir/r4/Condition", {}, 1_000) == b'{"resourceType": "Bundle"}'
        connection.close()


def test_a_look_up_that_hangs_ends_in_time_and_holds_a_bounded_number_of_threads(
    own_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, name = threading.Event(), "http://localhost:9/fhir/r4"

    def hang(*_: object, **__: object) -> list[Any]:
        hanging.wait(60)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    chart = charts.second_line()
    del chart["procedures"], chart["medicationRequests"]
    settings = Settings(public_url=SITE, fhir_servers=(name,), fetch_seconds=0.3)
    try:
        with asking(settings) as client:
            for _ in range(MOST_LOOK_UPS // 2 + 2):
                start = time.monotonic()
                (advice, *_) = call(client, "patient-view", chart, fhirServer=name).json()["cards"]
                assert time.monotonic() - start < 5
                assert advice["summary"].startswith(UNKNOWN)
                assert "took too long" in advice["detail"]
            assert sum(own.name == "look-up" for own in threading.enumerate()) == MOST_LOOK_UPS
    finally:
        hanging.set()


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path)
    with serving_fhir(giving({"resourceType": "Bundle"})) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)

        def fetch(host: str) -> bytes:
            connection = Connection(Server("https", host, server.server_port, ""), (), time.monotonic() + 5)
            try:
                return connection.fetch("/Condition", {"Authorization": f"Bearer {TOKEN}"}, 1_000)
            finally:
                connection.close()

        with pytest.raises(FetchError, match="not_trusted"):
            fetch("localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        verifying.cache_clear()
        assert fetch("localhost") == b'{"resourceType": "Bundle"}'
        with pytest.raises(FetchError, match="not_trusted"):
            fetch("127.0.0.1")
        assert [token for _, token in server.asked] == [f"Bearer {TOKEN}"]
    verifying.cache_clear()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that no authority knows, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return certificate, private
