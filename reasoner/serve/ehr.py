"""What prefetch lacks, fetched from the FHIR server that a call names, if the operator allows that server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from ipaddress import ip_network
from threading import Lock
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from cachetools import TTLCache

from reasoner.errors import ReasonerError, RecordError
from reasoner.fhir import ParsedResources, merge, parse
from reasoner.fhir.pages import Page, is_whole, page_of
from reasoner.serve.prefetch import PATIENT, Obtained
from reasoner.serve.transport import Connection, FetchError, Server

__all__ = ["Access", "Authorization", "FhirServers"]

MOST_PAGES = 50
PAGE_SIZE = 100
KEPT_SECONDS = 300
LONGEST_TOKEN = 16_384
LARGEST_STATEMENT = 8 * 2**20
ALWAYS_READ = {"Patient", "Condition"}
REFUSED = {"error", "not_there"}
ASKED_AGAIN = {"error", "incomplete"}
INCLUDING = "&_include="
UNQUOTED = "/?&=:,"
ID = re.compile(r"(?!\.+$)[A-Za-z0-9._~-]{1,255}")
TOKEN = re.compile(r"[!-~]+")


class Authorization(msgspec.Struct):
    """The token with which a call lets the service read from the FHIR server; its other fields are not needed."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 (the type of every token that CDS Hooks knows)

    def usable(self) -> str | None:
        """Give the token, or None where it cannot stand in a header or is of another type."""
        known = self.token_type.lower() == "bearer" and len(self.access_token) <= LONGEST_TOKEN
        return self.access_token if known and TOKEN.fullmatch(self.access_token) else None


class Access(NamedTuple):
    """The leave to read about one patient from a server: the token, where one was given, and until when on the clock."""

    server: Server
    patient: str
    token: str
    until: float


class Interaction(msgspec.Struct):
    """Something that a server does with resources of a type."""

    code: object = None


class OfferedType(msgspec.Struct):
    """A type of resources that a server has."""

    type: object = None
    interaction: list[Interaction] | None = None

    def is_searched(self) -> bool:
        return self.interaction is None or any(own.code == "search-type" for own in self.interaction)


class Rest(msgspec.Struct):
    """What is offered over HTTP, by a server or by a client, as the mode says."""

    mode: object = None
    resource: list[OfferedType] | None = None


class Capabilities(msgspec.Struct, tag_field="resourceType", tag="CapabilityStatement"):
    """What a server says that it offers."""

    rest: list[Rest]


CAPABILITIES = msgspec.json.Decoder(Capabilities)


class Offered(NamedTuple):
    """The types of resources that a server says can be searched for, and when it was asked, on the clock."""

    kinds: frozenset[str]
    asked: float


class FhirServers:
    """The servers that may be read from.

    `allowed` are their base URLs; other hosts, redirects and links that lead elsewhere are never followed. Addresses that
    are not public have to stand in a base URL or be in one of `networks`. All queries of a call end after `seconds`.

    Raises ReasonerError for what is no base URL or no network, and for plain HTTP to another machine.
    """

    def __init__(self, allowed: Iterable[str], networks: Iterable[str], seconds: float) -> None:
        self.servers = dict.fromkeys(map(allowed_server, allowed))
        self.seconds = seconds
        self.offered: TTLCache[Server, Offered] = TTLCache(100, KEPT_SECONDS)
        self.lock = Lock()
        try:
            self.networks = tuple(map(ip_network, networks))
        except ValueError as error:
            raise ReasonerError(f"--fhir-network: {error}; write a network such as 10.20.0.0/16") from None

    def allows(self, url: str) -> bool:
        """Tell whether a server may be read from at all."""
        return Server.of(url) in self.servers

    def access(self, url: str | None, authorization: Authorization | None, patient: str, trusted: bool) -> Access | None:
        """Give leave to read from the server that a call names; None where it may not be read from.

        Without a token it may where the caller is `trusted`, or where the server is on this machine.
        """
        server = Server.of(url) if url else None
        if server is None or server not in self.servers or ID.fullmatch(patient) is None:
            return None
        token = authorization.usable() if authorization is not None else ""
        if token is None or not (token or trusted or server.is_here()):
            return None
        return Access(server, patient, token, time.monotonic() + self.seconds)

    def obtain(self, access: Access, query: str, most: int) -> Obtained:
        """Run a query, a prefetch template, and follow its pages; what it brings is whole and at most `most` bytes.

        A server that refuses to include other resources is asked without.
        """
        query, _, included = query.replace(PATIENT, access.patient).partition(INCLUDING)
        kind = query.partition("?")[0].partition("/")[0]
        connection = Connection(access.server, self.networks, access.until)
        whys: list[str] = []
        try:
            for own in dict.fromkeys((query + (included and INCLUDING + included), query)):
                try:
                    return Obtained(self.pages(connection, access, own, most))
                except FetchError as error:
                    connection.close()
                    whys.append(error.why)
                    if error.why not in ASKED_AGAIN:
                        break
            return Obtained(None, whys[-1], REFUSED.issuperset(whys) and not self.offers(access, kind))
        except RecordError:
            return Obtained(None, "unreadable")
        finally:
            connection.close()

    def pages(self, connection: Connection, access: Access, query: str, most: int) -> ParsedResources:
        """Fetch all pages of a query.

        Raises FetchError where one of them cannot be had, and RecordError where one cannot be read.
        """
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        search = "?" in query
        first = f"{query}&_count={PAGE_SIZE}" if search else query
        target: str | None = f"{access.server.path}/{quote(first, safe=UNQUOTED)}"
        seen: set[str] = set()
        pages: list[Page] = []
        found: list[ParsedResources] = []
        while target is not None and target not in seen and len(seen) < MOST_PAGES:
            seen.add(target)
            try:
                body = connection.fetch(target, headers, most)
            except FetchError as error:
                raise FetchError("incomplete" if pages and error.why in REFUSED else error.why) from None
            most -= len(body)
            page = page_of(body)
            if page is None or (page.kind != "Bundle" if search else page.kind != query.partition("/")[0]):
                raise FetchError("error" if page is not None and page.failed and not pages else "unreadable")
            pages.append(page)
            if page.failed:
                raise FetchError("incomplete" if any(own.named or own.nameless for own in pages) else "error")
            found.append(parse(body)._replace(partial=""))
            if not page.goes_on:
                if not is_whole(pages):
                    raise FetchError("incomplete")
                return merge(found)
            target = access.server.target(page.next, target)
        raise FetchError("elsewhere" if target is None else "too_large")

    def offers(self, access: Access, kind: str) -> bool:
        """Tell whether a server says that resources of a kind can be searched for; true where it does not say.

        That they cannot is believed only of an answer that the call itself asked for.
        """
        with self.lock:
            known = self.offered.get(access.server)
        if known is None or (kind not in known.kinds and known.asked < access.until - self.seconds):
            known = self.ask_offered(access)
        return known is None or kind in known.kinds

    def ask_offered(self, access: Access) -> Offered | None:
        """Ask a server what it offers; None where it does not say, or leaves out what every call reads."""
        asked = time.monotonic()
        connection = Connection(access.server, self.networks, access.until)
        try:
            told = CAPABILITIES.decode(connection.fetch(f"{access.server.path}/metadata", {}, LARGEST_STATEMENT))
        except (FetchError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        finally:
            connection.close()
        types = [own for rest in told.rest if rest.mode == "server" for own in rest.resource or ()]
        if not ALWAYS_READ.issubset(own.type for own in types if isinstance(own.type, str)):
            return None
        found = Offered(frozenset(own.type for own in types if isinstance(own.type, str) and own.is_searched()), asked)
        with self.lock:
            self.offered[access.server] = found
        return found


def allowed_server(url: str) -> Server:
    """Take a base URL that the operator allows; raises ReasonerError where it is none."""
    server = Server.of(url)
    if server is None:
        raise ReasonerError(f"--fhir-server {url}: not a base URL; write one such as https://ehr.example.org/fhir/r4")
    if server.scheme != "https" and not server.is_here():
        raise ReasonerError(
            f"--fhir-server {url}: a token must not be sent in the clear; use https (http is taken for this machine alone)"
        )
    return server
