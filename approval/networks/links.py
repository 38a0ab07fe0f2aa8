"""Web addresses written out in a text."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import regex

_LONGEST = 4_096
_WRITTEN = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}])https?://[\p{{L}}\p{{N}}][^\s<>\"`\\\p{{C}}]{{0,{_LONGEST}}}+", regex.IGNORECASE
)
_UNFIT = regex.compile(r"[\s<>\"`\\\p{C}]")
_SCHEME = regex.compile(r"https?://", regex.IGNORECASE)
_CLOSING = ".,;:!?'’”»)]}…。、，！？"


@dataclass(frozen=True)
class Link:
    """A web address in a text, from *start* to *end* (code points), and the http(s) address it means."""

    start: int
    end: int
    href: str


def written(text: str) -> tuple[Link, ...]:
    """The links written out with http:// or https://, whatever their domain; none longer than 4,096."""
    found = []
    for match in _WRITTEN.finditer(text):
        address = _without_closing(match[0])
        if len(address) <= _LONGEST:
            found.append(Link(match.start(), match.start() + len(address), address))
    return tuple(found)


def with_scheme(address: str) -> str:
    """*address* as a reference: https:// before a bare domain, and what it may not hold written with %."""
    fit = _UNFIT.sub(lambda unfit: quote(unfit[0], errors="replace"), address)
    return fit if _SCHEME.match(fit) else f"https://{fit}"


def _without_closing(address: str) -> str:
    """*address* without the punctuation that ends the sentence around it; a paired bracket stays."""
    while address[-1] in _CLOSING and not (address[-1] == ")" and address.count("(") >= address.count(")")):
        address = address[:-1]
    return address
