"""An export in parts: each a whole export that verifies on its own, one begun when the one before is written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from approval import clock
from approval.audit.services import record
from approval.db import Session
from approval.people.queries import workspace_facts
from approval.records.events import ExportAsked, ExportPartsEnded
from approval.records.models import Export, ExportPart, ExportSeries
from approval.records.queries.exports import ExportFacts, parts_of
from approval.records.queries.selection import LAST_POST, Filters, Period, count_posts

FIRST = 2_000
"""Posts that the first part is tried with, where only bytes are limited."""
_SPARE = 0.9
"""Parts are tried a little smaller than the last one would allow: posts are not alike."""


@dataclass(frozen=True)
class Part:
    """Which part of which series; with how many posts it is tried; how many bytes it may have, None for any."""

    series: int
    number: int
    posts: int
    most_bytes: int | None

    def smaller(self, posts: int, size: int) -> Part | None:
        """Return what to try in the place of a part of so many posts and bytes; None where that one may stay."""
        if self.most_bytes is None or size <= self.most_bytes or posts <= 1:
            return None
        return replace(self, posts=max(1, min(posts // 2, int(posts * self.most_bytes / size * _SPARE))))


def part_of(session: Session, export: int) -> Part | None:
    """Return which part of a series an export is, if it is one."""
    row = session.get(ExportPart, export)
    if row is None:
        return None
    series = session.get_one(ExportSeries, row.series)
    return Part(series.id, row.number, _tried(session, series, export), series.most_bytes)


def _tried(session: Session, series: ExportSeries, export: int) -> int:
    """Return how many posts fit, going by the part that was written last."""
    most = series.most_posts or LAST_POST
    written = [part for part in parts_of(session, series.id) if part.id != export and part.ready]
    if series.most_bytes is None:
        return most
    if not written or not written[-1].size:
        return min(most, FIRST)
    zone = workspace_facts(session, series.workspace).zone
    filters = Filters.from_json(written[-1].filters)
    period = Period(series.first_day, series.last_day, zone)
    posts = count_posts(session, series.workspace, period, filters)
    return max(1, min(most, int(posts * series.most_bytes / written[-1].size * _SPARE)))


def add_part(session: Session, series: ExportSeries, number: int, first: int, *, by: str) -> Export:
    """Put a part that begins with the post *first* among the exports that wait."""
    export = Export(
        workspace=series.workspace,
        first_day=series.first_day,
        last_day=series.last_day,
        filters=Filters(span=(first, LAST_POST)).to_json(),
        asked_by=series.asked_by,
        asked_at=clock.now(session),
    )
    session.add(export)
    session.flush()
    part = ExportPart(export=export.id, workspace=series.workspace, series=series.id, number=number)
    session.add(part)
    happened = ExportAsked(
        by=by,
        workspace=series.workspace,
        export=export.id,
        first_day=series.first_day,
        last_day=series.last_day,
    )
    record(session, happened, export, part)
    return export


def go_on(session: Session, part: Part, last: int, *, by: str) -> bool:
    """Ask for the part after the one that ends with the post *last*, or end the series; True where it has ended."""
    series = session.get_one(ExportSeries, part.series, with_for_update=True)
    if last != LAST_POST:
        add_part(session, series, part.number + 1, last + 1, by=by)
        return False
    session.flush()
    parts = parts_of(session, series.id)
    series.ended_at, series.digest = clock.now(session), hashlib.sha256(parts_list(parts)).digest()
    happened = ExportPartsEnded(
        by=by, workspace=series.workspace, series=series.id, parts=len(parts), digest=series.digest
    )
    record(session, happened, series)
    return True


def parts_list(parts: Sequence[ExportFacts]) -> bytes:
    """Return the list that names every part with its SHA-256, as `sha256sum --check` reads it."""
    return "".join(f"{part.digest.hex()}  {part.file_name}\n" for part in parts if part.digest).encode()
