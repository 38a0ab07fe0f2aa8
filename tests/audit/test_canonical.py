"""An entry is in canonical form (RFC 8785) or refused, whichever writer finds it out."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given, strategies as st

from approval.audit.queries.canonical import key_text, said_by

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2**52), 2**52)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_whatever_is_canonical_is_read(value):
    assert said_by(rfc8785.dumps(value)) == value


@given(VALUES, st.booleans(), st.booleans())
def test_whatever_is_read_is_canonical(value, ascii_only, spaced):
    written = json.dumps(value, ensure_ascii=ascii_only, separators=None if spaced else (",", ":")).encode()
    try:
        said = said_by(written)
    except ValueError:
        assert rfc8785.dumps(json.loads(written)) != written
    else:
        assert rfc8785.dumps(said) == written


REFUSED = {
    "a space": b'{"a": 1}',
    "keys out of order": b'{"b":1,"a":1}',
    "a key twice": b'{"a":1,"a":1}',
    "keys in the order of code points": '{"\ufb33":1,"\U0001f600":1}'.encode(),
    "a fraction of nothing": b"[1.0]",
    "an exponent": b"[1e2]",
    "minus nothing": b"[-0]",
    "an escape that is not needed": b'["\\u0041"]',
    "an escape in capitals": b'["\\u000B"]',
    "an escaped slash": b'["\\/"]',
    "half a character": b'["\\ud800"]',
    "not a number": b"[NaN]",
    "a number beyond 2^53": b"[9007199254740993]",
    "a mark of byte order": b"\xef\xbb\xbf[]",
    "UTF-16": "[]".encode("utf-16"),
    "no UTF-8": b'["\xff"]',
    "nothing": b"",
    "two": b"[][]",
    "depth": b"[" * 200_000,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_whatever_is_not_canonical_is_refused(body):
    with pytest.raises(ValueError):
        said_by(body)


def test_keys_in_the_order_of_utf_16_are_read():
    """The other side of `keys in the order of code points`, which a plain writer would accept."""
    body = '{"\U0001f600":1,"\ufb33":1}'.encode()
    assert said_by(body) == json.loads(body)


def test_a_key_is_written_as_entries_write_it():
    for key in ({"id": 7}, {"person": "p1", "role": "reviewer", "workspace": "nørd"}):
        assert key_text(key) == rfc8785.dumps(key).decode()
