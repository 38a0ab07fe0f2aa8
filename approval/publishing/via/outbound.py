"""The one guarded way out: every request that this program sends to an address that a person set.

https to global addresses on port 443, and what APPROVAL_OUTBOUND_ALLOW adds. The name is resolved once, every
address of the answer is judged, and the connection goes to a judged address, with the name for TLS and Host. No
redirects, no proxies, no retries, no credentials in addresses; one deadline over everything, also a slow drip.

It stands on httpcore, the transport of httpx, because only there the connection itself can be replaced.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, TimeoutError as WaitedTooLong
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import Any

import httpcore
import httpx

from approval.settings import Outbound, Settings

CONNECT, WRITE, READ = 5.0, 15.0, 30.0
MOST_BYTES = 1024 * 1024
HTTPS = 443
_PIECE = 16 * 1024
LEASE_SHARE = 0.7
"""How much of a lease one request may take: the rest is for the claim before and the outcome after it."""

_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::/96",  # IPv4-compatible, RFC 4291 2.5.5.1
        "64:ff9b::/96",  # NAT64, RFC 6052
        "64:ff9b:1::/48",  # local NAT64, RFC 8215
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2002::/16",  # 6to4, RFC 3056
        "3fff::/20",  # documentation, RFC 9637
    )
)
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_RELAY_6TO4 = ipaddress.IPv4Network("192.88.99.0/24")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(Exception):
    """The address may not be reached from here. Nothing was sent."""


class NotReached(Exception):
    """No connection came about. Nothing was sent."""


class NoAnswer(Exception):
    """The request may have arrived, but no answer came."""


@dataclass(frozen=True)
class Answer:
    """What the receiver said: status, headers by lower-case name, and at most 1 MiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], *, settings: Settings) -> Answer:
    """POST *body* to *url*; raises AddressRefused, NotReached or NoAnswer."""
    return send("POST", url, body, headers, settings=settings)


def send(method: str, url: str, body: bytes, headers: Mapping[str, str], *, settings: Settings) -> Answer:
    """Make one request; raises AddressRefused, NotReached or NoAnswer."""
    target = parsed(url, settings.outbound_allow)
    deadline = time.monotonic() + min(CONNECT + WRITE + READ, settings.lease * LEASE_SHARE)
    way = Guarded(settings.outbound_allow, deadline, secure=target.scheme == "https")
    given = [("host", target.netloc.decode()), ("content-length", str(len(body))), *headers.items()]
    try:
        with (
            httpcore.ConnectionPool(network_backend=way, ssl_context=_tls(), retries=0, http2=False) as pool,
            pool.stream(method, _core(target), headers=given, content=body, extensions=_timeouts()) as answer,
        ):
            return _answer(answer)
    except AddressRefused:
        raise
    except (
        httpcore.ConnectError,
        httpcore.ConnectTimeout,
        httpcore.PoolTimeout,
        httpcore.UnsupportedProtocol,
    ) as e:
        raise NotReached(f"No connection to {target.host}: {_reason(e)}") from e
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as e:
        raise NoAnswer(f"{target.host} gave no answer that can be trusted: {_reason(e)}") from e


def parsed(url: str, allowed: Iterable[Outbound]) -> httpx.URL:
    """Return *url* taken apart, or raise AddressRefused for what could never be reached."""
    if len(url) > 2000 or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused("The address holds characters that no address has.")
    try:
        target = httpx.URL(url)
        host, port = target.host, target.port
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefused(f"This is not an address: {error}") from error
    if target.scheme not in ("https", "http") or not host:
        raise AddressRefused("Only https addresses are reached.")
    if target.userinfo:
        raise AddressRefused("An address with a user name or password in it is not used.")
    extra = {rule.port for rule in allowed}
    if (port or (HTTPS if target.scheme == "https" else 80)) not in extra and (
        target.scheme != "https" or port not in (None, HTTPS)
    ):
        raise AddressRefused("Only https on port 443 is reached; APPROVAL_OUTBOUND_ALLOW may add a network and port.")
    return target


def is_allowed(address: str, port: int, *, allowed: Iterable[Outbound], secure: bool) -> bool:
    """Say whether a connection to this address and port may be made."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(rule.port == port and ip.version == rule.network.version and ip in rule.network for rule in allowed):
        return True
    return secure and port == HTTPS and is_global(ip)


def is_global(ip: Address) -> bool:
    """Say whether an address is a plain global one: nothing private, special, mapped, translated or tunnelled."""
    if ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local or ip.is_unspecified:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and ip not in _RELAY_6TO4
    tunnelled = ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.scope_id
    return not tunnelled and ip.is_global and ip in _UNICAST_V6 and not any(ip in net for net in _REFUSED_V6)


class Guarded(httpcore.NetworkBackend):
    """Connects to judged addresses only, and never beyond the deadline (monotonic seconds)."""

    def __init__(self, allowed: Iterable[Outbound], deadline: float, *, secure: bool) -> None:
        self._allowed = tuple(allowed)
        self._deadline = deadline
        self._secure = secure
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        addresses = resolve(host, port, timeout=_left(self._deadline, timeout, httpcore.ConnectTimeout))
        permitted = [a for a in addresses if is_allowed(a, port, allowed=self._allowed, secure=self._secure)]
        if not permitted:
            raise AddressRefused(
                f"{host} does not lead to a global address; APPROVAL_OUTBOUND_ALLOW may add its network and port."
            )
        wait = _left(self._deadline, timeout, httpcore.ConnectTimeout)
        stream = self._sockets.connect_tcp(permitted[0], port, wait, local_address, socket_options)
        return _Timed(stream, self._deadline)

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise AddressRefused("Sockets of this machine are not reached.")

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing is retried")


class _Timed(httpcore.NetworkStream):
    """A stream of which every operation ends with the deadline, however slowly bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The stream below waits anew for each part that the receiver takes.
        for start in range(0, len(buffer), _PIECE):
            left = _left(self._deadline, timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = _left(self._deadline, timeout, httpcore.ConnectTimeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, wait), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def resolve(host: str, port: int, *, timeout: float) -> list[str]:
    """Return the addresses of *host*, asked once. The resolver knows no time-out, so it waits in a thread."""
    found: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            found.set_exception(httpcore.ConnectError(f"the name cannot be resolved ({error})"))
        else:
            found.set_result([str(sockaddr[0]) for *_, sockaddr in answer])

    Thread(target=ask, daemon=True, name="resolve").start()
    try:
        return found.result(timeout)
    except WaitedTooLong as error:
        raise httpcore.ConnectTimeout("the name was not resolved in time") from error


def _left(deadline: float, timeout: float | None, late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise late("the time for this request is over")
    return left if timeout is None else min(left, timeout)


def _answer(answer: httpcore.Response) -> Answer:
    """Read at most 1 MiB. The status is the answer: a body that breaks off does not change it."""
    body = b""
    try:
        for piece in answer.iter_stream():
            body += piece
            if len(body) >= MOST_BYTES:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
    return Answer(answer.status, headers, body[:MOST_BYTES])


def _core(target: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path or b"/"
    )


def _timeouts() -> dict[str, Any]:
    return {"timeout": {"connect": CONNECT, "write": WRITE, "read": READ, "pool": CONNECT}}


@cache
def _tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
