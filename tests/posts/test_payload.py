from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from approval.posts.payload import Attachment, Payload, canonical, digest, lines, links_in, parse

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=80)
PLAIN = Payload(title="Hours", texts={"news": "Open at nine."}, channels=("news",), regime="uk")
OTHER = {
    "title": "Other",
    "texts": {"news": "Open at ten."},
    "media": (Attachment(bytes(32), "A door"),),
    "links": ("https://example.com/",),
    "disclosures": ("Member FDIC",),
    "channels": ("desk", "news"),
    "regime": "eu",
    "product": "savings",
    "audience": "retail",
    "in_reply_to": "https://example.com/1",
    "not_before": datetime(2026, 1, 1, tzinfo=UTC),
    "not_after": datetime(2027, 1, 1, tzinfo=UTC),
}


def test_the_payload_has_one_form():
    assert canonical(PLAIN) == (
        b'{"audience":null,"channels":["news"],"disclosures":[],"in_reply_to":null,"links":[],"media":[],'
        b'"not_after":null,"not_before":null,"product":null,"regime":"uk","texts":{"news":"Open at nine."},'
        b'"title":"Hours"}'
    )
    assert digest(PLAIN) == hashlib.sha256(canonical(PLAIN)).digest()


def test_the_table_of_changes_names_every_field():
    assert set(OTHER) == set(Payload.__dataclass_fields__)


@pytest.mark.parametrize("field", OTHER)
def test_whatever_changes_inside_is_another_revision(field):
    assert digest(replace(PLAIN, **{field: OTHER[field]})) != digest(PLAIN)


def test_the_order_of_channels_is_none():
    texts = {"news": "a", "desk": "b"}
    assert digest(replace(PLAIN, texts=texts)) == digest(replace(PLAIN, texts=dict(reversed(texts.items()))))


@given(title=WORDS, text=WORDS, alt=WORDS, at=st.none() | st.datetimes(timezones=st.just(UTC)))
def test_a_payload_reads_back_as_it_was(title, text, alt, at):
    payload = replace(PLAIN, title=title, texts={"news": text}, media=(Attachment(bytes(32), alt),), not_before=at)
    assert parse(canonical(payload)) == payload


@pytest.mark.parametrize("change", [lambda b: b + b" ", lambda b: b.replace(b'"audience":null,', b""), lambda b: b"{}"])
def test_other_bytes_than_the_canonical_ones_are_refused(change):
    assert parse(canonical(PLAIN)) == PLAIN
    with pytest.raises(ValueError, match="payload"):
        parse(change(canonical(PLAIN)))


def test_line_ends_are_line_feeds():
    assert lines("a\r\nb\rc\nd") == "a\nb\nc\nd"


def test_links_are_those_written_in_the_texts():
    assert links_in(["See https://b.example/x, or (http://a.example).", "https://b.example/x"]) == (
        "http://a.example",
        "https://b.example/x",
    )
