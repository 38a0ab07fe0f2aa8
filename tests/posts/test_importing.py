from __future__ import annotations

import io

import pytest

from approval.errors import Invalid
from approval.people.models import Via
from approval.people.queries import ChannelFacts
from approval.posts.importing import MOST_LINE, Row, as_post, csv_rows, jsonl_rows

CHANNELS = (
    ChannelFacts(1, "northwind", "closed", "Closed", "x", Via.FEED, True),
    ChannelFacts(2, "northwind", "desk", "Desk", "x", Via.MANUAL, False),
    ChannelFacts(3, "northwind", "other", "Other", "x", Via.MANUAL, False),
)


def jsonl(data: bytes) -> list[Row]:
    return list(jsonl_rows(io.BytesIO(data)))


def csv(text: str) -> list[Row]:
    return list(csv_rows(io.BytesIO(text.encode("utf-8", "surrogateescape"))))


def test_each_line_is_an_object():
    assert jsonl(b'\xef\xbb\xbf{"title": "A"}\n\n  \r\n{"title": "B"}') == [
        Row(1, {"title": "A"}),
        Row(4, {"title": "B"}),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"words"', "not a JSON object"),
        (b'{"title": "\xff"}', "not UTF-8"),
        (b'{"title": NaN}', "NaN is not a number"),
        (b'{"title": "A", "title": "B"}', "comes twice"),
        (b'{"title": ' + b"[" * 200_000, "not JSON"),
        (b'{"target": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"title": "' + b"x" * MOST_LINE + b'"}', "longer than"),
        (b"\x00", "not JSON"),
    ],
)
def test_a_broken_line_is_named_and_the_others_are_read(line, reason):
    first, bad, last = jsonl(b'{"title": "A"}\n' + line + b'\n{"title": "B"}\n')
    assert (first.obj, last) == ({"title": "A"}, Row(3, {"title": "B"}))
    assert (bad.number, bad.obj) == (2, None)
    assert reason in bad.reason


def test_columns_are_the_keys_of_a_post():
    head = "title,texts.news,objective,objective.kpi,disclosures,product"
    rows = csv(f'{head}\r\nHours,"Open,\r\nat nine.",service,calls,"One\nTwo",\r\n\r\nB,x,,,,savings\r\n')
    assert rows == [
        Row(
            2,
            {
                "title": "Hours",
                "texts": {"news": "Open,\nat nine."},
                "objective": {"kind": "service", "kpi": "calls"},
                "disclosures": ["One", "Two"],
            },
        ),
        Row(6, {"title": "B", "texts": {"news": "x"}, "product": "savings"}),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("one,two,three", "3 cells"),
        ('"a"b,c', "not CSV"),
        ("x" * 140_000 + ",c", "not CSV"),
        ("x" * (MOST_LINE + 1) + ",c", "longer than"),
    ],
)
def test_a_broken_line_of_a_table_is_named_and_the_others_are_read(line, reason):
    first, bad, last = csv(f"title,text\nA,a\n{line}\nB,b\n")
    assert (first.obj, last) == ({"title": "A", "text": "a"}, Row(4, {"title": "B", "text": "b"}))
    assert (bad.number, bad.obj) == (3, None)
    assert reason in bad.reason


@pytest.mark.parametrize("head", ["title,title", "name,words", ""])
def test_a_table_without_a_fit_head_line_is_refused_whole(head):
    (row,) = csv(f"{head}\nA,a\nB,b\n")
    assert row.obj is None


def test_a_text_goes_to_the_first_open_channel_on_its_network():
    words = "From Monday our branch in Zug opens at nine, and the one in Baar at ten."
    assert as_post({"text": words, "network": "x", "product": "brand"}, CHANNELS) == {
        "title": words[:60].rstrip(),
        "texts": {"desk": words},
        "product": "brand",
    }
    assert as_post({"text": words, "network": "x", "title": "Hours"}, CHANNELS)["title"] == "Hours"
    assert as_post({"title": "A", "texts": {}}, CHANNELS) == {"title": "A", "texts": {}}


@pytest.mark.parametrize(
    ("obj", "where"),
    [
        ({"text": "words"}, "text"),
        ({"network": "x"}, "text"),
        ({"text": 7, "network": "x"}, "text"),
        ({"text": "words", "network": "x", "texts": {}}, "text"),
        ({"text": "words", "network": "linkedin"}, "network"),
    ],
)
def test_a_text_without_a_place_is_refused(obj, where):
    with pytest.raises(Invalid) as refusal:
        as_post(obj, CHANNELS)
    assert refusal.value.problems[0].where == where
