"""Findings in a text: which stretch of it belongs to which finding. Pure; places are code points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from approval.rules import Severity


@dataclass(frozen=True)
class Span:
    """Where a finding stands in a text; `quiet` where somebody answered for it, so that it asks nothing any more."""

    id: str
    start: int
    end: int
    severity: str
    quiet: bool = False


@dataclass(frozen=True)
class Piece:
    """A stretch of a text, underlined where it has a severity; `finding` is the id of the finding it belongs to."""

    text: str
    severity: str | None = None
    finding: str | None = None
    quiet: bool = False


def pieces(text: str, spans: Sequence[Span]) -> tuple[Piece, ...]:
    """Divide *text*; together the pieces spell it. Where findings overlap the graver one is shown, a quiet one last.

    A finding has one piece at most, so that its place has one anchor.
    """
    found: list[Piece] = []
    shown: set[str] = set()
    for start, end, owner in _runs(len(text), spans):
        if owner is None or owner.id in shown:
            found.append(Piece(text[start:end]))
        else:
            shown.add(owner.id)
            found.append(Piece(text[start:end], owner.severity, owner.id, owner.quiet))
    return tuple(found)


def anchors(text: str, spans: Sequence[Span]) -> dict[str, str]:
    """Return for each finding the id of the piece that shows it: its own, or that of the graver one over it."""
    shown = {piece.finding for piece in pieces(text, spans) if piece.finding}
    found = {}
    for span in spans:
        over = _owner(span.start, spans)
        anchor = span.id if span.id in shown else over.id if over else None
        if anchor in shown:
            found[span.id] = anchor
    return found


def _runs(length: int, spans: Sequence[Span]) -> list[tuple[int, int, Span | None]]:
    """The text from edge to edge; neighbours of one owner are one run."""
    edges = sorted({0, length, *(e for s in spans for e in (s.start, s.end) if 0 < e < length)})
    runs: list[tuple[int, int, Span | None]] = []
    for start, end in pairwise(edges):
        owner = _owner(start, spans)
        if runs and runs[-1][2] is owner:
            runs[-1] = (runs[-1][0], end, owner)
        else:
            runs.append((start, end, owner))
    return runs


def _owner(place: int, spans: Sequence[Span]) -> Span | None:
    covering = [span for span in spans if span.start <= place < span.end]
    return max(covering, key=lambda span: (not span.quiet, Severity(span.severity).rank, -span.start), default=None)
