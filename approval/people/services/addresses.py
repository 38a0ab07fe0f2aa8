"""Which webhook addresses are taken. The client that sends checks again, on the address it connects to."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from approval.errors import Invalid, Problem
from approval.settings import Outbound

REMEDY = "an operator may add its network and port to APPROVAL_OUTBOUND_ALLOW"


def ensure_webhook(url: str, allowed: Sequence[Outbound]) -> None:
    """Refuse an address that no message would ever be sent to."""
    parts = _parts(url)
    port = _port(parts)
    address = _literal(parts.hostname or "")
    if address is not None and any(address in rule.network and port == rule.port for rule in allowed):
        return
    if address is not None and not address.is_global:
        raise _bad(f"{address} is inside a private network; {REMEDY}.")
    named_port = any(port == rule.port for rule in allowed)
    if address is None and named_port:
        return
    if parts.scheme != "https" or port != 443:
        raise _bad(f"Only https on port 443 is reached; {REMEDY}.")


def _parts(url: str) -> SplitResult:
    if len(url) > 500 or not url.isprintable() or " " in url or "\\" in url:
        raise _bad("This is no address of a web server.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _bad("This is no address of a web server.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _bad("Write an address such as https://hooks.example/approval.")
    if parts.username is not None or parts.password is not None:
        raise _bad("An address with a user name or password in it is not used: the signature proves the sender.")
    return parts


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise _bad("The port is not a number from 1 to 65535.") from error


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _bad(what: str) -> Invalid:
    return Invalid(what, problems=(Problem("url", what),))
