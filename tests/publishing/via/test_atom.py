from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from approval.publishing.queries.feeds import FeedEntry, FeedPage
from approval.publishing.via import atom

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


def a_page(text: str, **changes) -> FeedPage:
    entry = FeedEntry(1, "msg_1", "Hours", text, ("Member FDIC.",), (), None, AT)
    given = {
        "workspace": "northwind",
        "firm": "Northwind",
        "channel": "news",
        "title": "News",
        "zone": "UTC",
        "origin": "approval.example/northwind",
        "updated": AT,
        "entries": (entry,),
        "before": None,
    }
    return FeedPage(**{**given, **changes})


def content(document: bytes) -> str:
    return ET.fromstring(document).findtext(f".//{{{atom.NAMESPACE}}}content") or ""


def test_what_xml_cannot_hold_is_replaced():
    text = "a\x00b\x0bc\ufffed\ud800e 🏦"
    assert content(atom.write(a_page(text), base="https://x")) == "a�b�c�d�e 🏦\n\nMember FDIC."


def test_disclosures_follow_the_text():
    assert content(atom.write(a_page("We open."), base="https://x")) == "We open.\n\nMember FDIC."


def test_the_id_of_a_feed_differs_between_installations_and_channels():
    ids = {
        atom.feed_id(a_page("x")),
        atom.feed_id(a_page("x", origin="other.example/northwind")),
        atom.feed_id(a_page("x", channel="site")),
    }
    assert len(ids) == 3
