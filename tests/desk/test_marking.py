"""Findings in their places."""

from __future__ import annotations

from hypothesis import given, strategies as st

from approval.desk.queries.marking import Piece, Span, anchors, pieces

TEXT = "Guaranteed 9% without risk"


def test_a_finding_is_the_stretch_that_it_names():
    assert pieces(TEXT, [Span("1", 0, 10, "block")]) == (Piece("Guaranteed", "block", "1"), Piece(" 9% without risk"))


def test_where_two_overlap_the_graver_is_shown():
    spans = [Span("1", 0, 13, "low"), Span("2", 11, 26, "block")]
    assert pieces(TEXT, spans) == (Piece("Guaranteed ", "low", "1"), Piece("9% without risk", "block", "2"))


def test_what_somebody_answered_for_is_shown_only_where_nothing_else_is():
    spans = [Span("1", 11, 26, "high", quiet=True), Span("2", 0, 13, "low")]
    assert pieces(TEXT, spans) == (Piece("Guaranteed 9%", "low", "2"), Piece(" without risk", "high", "1", quiet=True))


def test_a_finding_has_one_piece_so_that_its_anchor_is_one():
    found = pieces(TEXT, [Span("1", 0, 26, "low"), Span("2", 11, 13, "block")])
    assert [piece.finding for piece in found] == ["1", "2", None]


def test_a_covered_finding_points_at_the_one_over_it():
    spans = [Span("1", 11, 13, "low"), Span("2", 0, 26, "block")]
    assert anchors(TEXT, spans) == {"1": "2", "2": "2"}


def test_places_count_code_points():
    assert pieces("💰 free", [Span("1", 2, 6, "high")])[1] == Piece("free", "high", "1")


spans = st.builds(
    lambda n, a, b, severity: Span(str(n), min(a, b), max(a, b) + 1, severity),
    st.integers(0, 999),
    st.integers(0, 25),
    st.integers(0, 25),
    st.sampled_from(["low", "medium", "high", "block"]),
)


@given(st.lists(spans, max_size=8, unique_by=lambda span: span.id))
def test_the_pieces_spell_the_text_and_every_anchor_is_there(found):
    shown = pieces(TEXT, found)
    assert "".join(piece.text for piece in shown) == TEXT
    ids = [piece.finding for piece in shown if piece.finding]
    assert len(ids) == len(set(ids)) and set(anchors(TEXT, found).values()) <= set(ids)
    assert set(anchors(TEXT, found)) == {span.id for span in found}
