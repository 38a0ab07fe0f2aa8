"""A feed as Atom (RFC 4287), with paging links (RFC 5005) and ids that never change."""

from __future__ import annotations

import re
import uuid
from xml.etree import ElementTree as ET

from approval import clock
from approval.publishing.queries.feeds import FeedEntry, FeedPage

NAMESPACE = "http://www.w3.org/2005/Atom"
# XML 1.0, production 2: what is not a Char cannot stand in a document, not even escaped.
_NO_CHAR = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ET.register_namespace("", NAMESPACE)


def write(page: FeedPage, *, base: str) -> bytes:
    """Return a page of a feed as an Atom document; *base* is scheme and host of the addresses in it."""
    html = f"{base}/feeds/{page.workspace}/{page.channel}"
    feed = ET.Element(_name("feed"))
    _add(feed, "id", feed_id(page))
    _add(feed, "title", f"{page.firm}: {page.title}")
    _add(feed, "updated", clock.to_text(page.updated))
    _add(_add(feed, "author"), "name", page.firm)
    _add(feed, "link", rel="self", href=f"{html}.atom", type="application/atom+xml")
    _add(feed, "link", rel="alternate", href=html, type="text/html")
    if page.before is not None:
        _add(feed, "link", rel="next", href=f"{html}.atom?before={page.before}", type="application/atom+xml")
    for entry in page.entries:
        _entry(feed, entry, html=html, base=base)
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def feed_id(page: FeedPage) -> str:
    """Return the id of a feed: the same for good, and another one in every installation."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{page.origin}#{page.channel}").urn


def entry_id(message: str) -> str:
    """Return the id of an entry, made from the publication's message id."""
    return uuid.uuid5(uuid.NAMESPACE_URL, message).urn


def _entry(feed: ET.Element, entry: FeedEntry, *, html: str, base: str) -> None:
    element = _add(feed, "entry")
    at = clock.to_text(entry.published_at)
    _add(element, "id", entry_id(entry.message))
    _add(element, "title", entry.title)
    _add(element, "updated", at)
    _add(element, "published", at)
    _add(element, "link", rel="alternate", href=f"{html}#{entry.message}", type="text/html")
    for image in entry.media:
        href = f"{base}/media/public/{image.publication}/{image.digest}"
        _add(
            element,
            "link",
            rel="enclosure",
            href=href,
            type=image.kind,
            length=str(image.size),
            title=image.alt,
        )
    _add(element, "content", "\n\n".join((entry.text, *entry.disclosures)), type="text")


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, _name(name), {key: _safe(value) for key, value in attributes.items()})
    if text is not None:
        element.text = _safe(text)
    return element


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _safe(text: str) -> str:
    return _NO_CHAR.sub("\ufffd", text)
