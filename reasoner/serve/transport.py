"""One HTTP GET within bounds: to one server whose address is checked, with verified TLS, and without following anything."""

from __future__ import annotations

import io
import re
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from threading import BoundedSemaphore, Thread
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urljoin, urlsplit

__all__ = ["MOST_LOOK_UPS", "Connection", "FetchError", "Network", "Server"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = {"https": 443, "http": 80}
VISIBLE = re.compile(r"[!-~]+")
NAT64 = IPv6Network("64:ff9b::/96")
JSON = {"application/fhir+json", "application/json", "application/json+fhir"}
STATUSES = {
    **dict.fromkeys((400, 405, 422, 501), "error"),
    **dict.fromkeys((401, 403), "denied"),
    **dict.fromkeys((404, 410), "not_there"),
    **dict.fromkeys((429, 503), "busy"),
}
CHUNK = 64 * 1024
MOST_LOOK_UPS = 32
LOOKING_UP = BoundedSemaphore(MOST_LOOK_UPS)


class FetchError(Exception):
    """A request without a usable answer; `why` is the kind of failure."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Server(NamedTuple):
    """The base URL of a FHIR server, in parts; `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Self | None:
        """Take a base URL apart; None where it is none: it has a scheme, a host, perhaps a port and a path, nothing else."""
        parts = split(url)
        if parts is None or parts[1]:
            return None
        return cls(*parts[0])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port == PORTS[self.scheme] else f':{self.port}'}{self.path}"

    def literal(self) -> Address | None:
        """Give the host where it is an address."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def is_here(self) -> bool:
        """Tell whether the host is the loopback by its own writing."""
        address = self.literal()
        return self.host == "localhost" or (address is not None and address.is_loopback)

    def target(self, link: str, page: str) -> str | None:
        """Give the path and query of a link on a page of the server; None where it leads out of the base URL."""
        found = split(urljoin(f"{self}{page.removeprefix(self.path)}", link)) if VISIBLE.fullmatch(link) else None
        if found is None:
            return None
        (scheme, host, port, path), query = found
        inside = path == self.path or path.startswith(f"{self.path}/")
        return (path or "/") + query if (scheme, host, port) == self[:3] and inside else None


def split(url: str) -> tuple[tuple[str, str, int, str], str] | None:
    """Take a URL apart: scheme, host, port and path, then its query; None where it is not plainly a URL of the web."""
    if not VISIBLE.fullmatch(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or "@" in parts.netloc or parts.fragment or ".." in unquote(unquote(parts.path)):
        return None
    return (parts.scheme, parts.hostname, port, parts.path.rstrip("/")), f"?{parts.query}" if parts.query else ""


def embedded(address: Address) -> Iterator[Address]:
    """Yield the addresses that packets to an address go to: itself, or those of IPv4 that it stands for."""
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        inner += [IPv4Address(int(address) & 0xFFFFFFFF)] if address in NAT64 else []
        if found := [own for own in inner if own is not None]:
            yield from found
            return
    yield address


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the internet and of a single host."""
    return all(own.is_global and not own.is_multicast for own in embedded(address))


class Timed(io.RawIOBase):
    """Reads from a socket until a moment on the monotonic clock, however slowly the other side drips."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self.connected = connected
        self.until = until
        self.raw = connected.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self.connected.settimeout(remaining(self.until))
        return self.raw.readinto(buffer)

    def close(self) -> None:
        self.raw.close()
        super().close()


class TimedSocket:
    """A socket as http.client uses it, with one end to all that is sent and read."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self.connected = connected
        self.until = until

    def sendall(self, data: bytes) -> None:
        self.connected.settimeout(remaining(self.until))
        self.connected.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(Timed(self.connected, self.until))

    def close(self) -> None:
        self.connected.close()


class Connection(HTTPConnection):
    """A connection to a server, at an address that is public, in one of `networks` or written in the base URL itself.

    All requests on it end at `until`, on the monotonic clock. Proxies are not used.
    """

    def __init__(self, server: Server, networks: Iterable[Network], until: float) -> None:
        super().__init__(server.host, server.port)
        self.server = server
        self.networks = tuple(networks)
        self.until = until

    def connect(self) -> None:
        """Connect to the first allowed address that answers."""
        found = resolved(self.server.host, self.server.port, self.until)
        allowed = [address for address in found if self.allows(ip_address(address.partition("%")[0]))]
        if not allowed:
            raise FetchError("private")
        connected = self.connected_to(allowed)
        if self.server.scheme == "https":
            connected.settimeout(remaining(self.until))
            connected = verifying().wrap_socket(connected, server_hostname=self.server.host)
        self.sock: Any = TimedSocket(connected, self.until)

    def connected_to(self, addresses: list[str]) -> socket.socket:
        """Connect to the first of several addresses that answers."""
        for address in addresses[:-1]:
            with suppress(OSError):
                return socket.create_connection((address, self.server.port), remaining(self.until) / len(addresses))
        return socket.create_connection((addresses[-1], self.server.port), remaining(self.until))

    def allows(self, address: Address) -> bool:
        """Tell whether an address may be connected to."""
        if is_public(address) or address == self.server.literal() or (self.server.is_here() and address.is_loopback):
            return True
        return any(all(own in network for own in embedded(address)) for network in self.networks)

    def fetch(self, target: str, headers: dict[str, str], most: int) -> bytes:
        """Get the JSON at a path of the server, at most `most` bytes of it.

        Raises FetchError where there is none: redirects are not followed, nothing is decompressed.
        """
        try:
            self.request(
                "GET", target, headers={**headers, "Accept": "application/fhir+json", "Accept-Encoding": "identity"}
            )
            with self.getresponse() as response:
                kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
                if 300 <= response.status < 400:
                    raise FetchError("elsewhere")
                if response.status != 200:
                    raise FetchError(STATUSES.get(response.status, "failed"))
                if response.getheader("Content-Encoding", "identity").lower() != "identity" or kind not in JSON:
                    raise FetchError("unreadable")
                body = bytearray()
                while part := response.read(min(CHUNK, most + 1 - len(body))):
                    body += part
                    if len(body) > most:
                        raise FetchError("too_large")
                if response.length:
                    raise FetchError("failed")
        except TimeoutError:
            raise FetchError("too_slow") from None
        except ssl.SSLCertVerificationError:
            raise FetchError("not_trusted") from None
        except (OSError, HTTPException, ValueError):
            raise FetchError("failed") from None
        return bytes(body)


def resolved(host: str, port: int, until: float) -> list[str]:
    """Give the addresses of a host, on a thread of its own, since the system sets no end to a look-up.

    Raises TimeoutError where they are not there at a moment, and OSError where there are none.
    """
    if not LOOKING_UP.acquire(timeout=remaining(until)):
        raise TimeoutError
    found: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            found.set_result([str(to[0]) for *_, to in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except (OSError, ValueError) as error:
            found.set_exception(error)
        finally:
            LOOKING_UP.release()

    Thread(target=look_up, name="look-up", daemon=True).start()
    return found.result(remaining(until))


@cache
def verifying() -> ssl.SSLContext:
    """Give the context that verifies certificates, by the system's authorities or those of ``SSL_CERT_FILE``."""
    return ssl.create_default_context()


def remaining(until: float) -> float:
    """Give the seconds until a moment; raises TimeoutError where it is over."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
