"""Asking for an export in parts, and going on where a part could not be written; saying which files are gone."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import IllegalStep, Invalid, NotFound, Problem
from approval.records.events import ExportAsked, ExportFilesGone, ExportPartsAsked
from approval.records.models import Export, ExportGone, ExportPart, ExportSeries, ExportState
from approval.records.services.asking import WORKER, ensure_room
from approval.records.services.choosing import ensure_days
from approval.records.services.series import add_part
from approval.review.services.guards import ensure_may

LEAST_BYTES = 10_000_000
MOST_BYTES = 1_000_000_000_000
MOST_POSTS = 1_000_000


def ask_parts(
    session: Session,
    *,
    workspace: str,
    first_day: date,
    last_day: date,
    most_posts: int | None,
    most_bytes: int | None,
    by: Actor,
) -> ExportSeries:
    """Ask for an export in parts of at most so many posts, or bytes, or both. A post is never split."""
    ensure_may(by, Capability.EXPORT, workspace)
    ensure_days(first_day, last_day)
    ensure_sizes(most_posts, most_bytes)
    ensure_room(session, workspace)
    series = ExportSeries(
        workspace=workspace,
        first_day=first_day,
        last_day=last_day,
        most_posts=most_posts,
        most_bytes=most_bytes,
        asked_by=by.id,
        asked_at=clock.now(session),
    )
    session.add(series)
    session.flush()
    happened = ExportPartsAsked(
        by=by.id,
        workspace=workspace,
        series=series.id,
        first_day=first_day,
        last_day=last_day,
        most_posts=most_posts,
        most_bytes=most_bytes,
    )
    record(session, happened, series)
    add_part(session, series, 1, 0, by=by.id)
    return series


def ensure_sizes(most_posts: int | None, most_bytes: int | None) -> None:
    """Refuse parts that nothing limits, and sizes that cannot be meant."""
    if most_posts is None and most_bytes is None:
        what = "Say how many posts, or how many megabytes, a part may have."
        raise Invalid(what, problems=(Problem("most_posts", what),))
    if most_posts is not None and not 1 <= most_posts <= MOST_POSTS:
        what = f"Give 1 to {MOST_POSTS:,} posts a part."
        raise Invalid(what, problems=(Problem("most_posts", what),))
    if most_bytes is not None and not LEAST_BYTES <= most_bytes <= MOST_BYTES:
        what = f"Give {LEAST_BYTES // 1_000_000} to {MOST_BYTES // 1_000_000:,} megabytes a part."
        raise Invalid(what, problems=(Problem("most_bytes", what),))


def resume_parts(session: Session, id_: int, *, by: Actor) -> Export:
    """Ask once more for the part of a series that could not be written; those before it stay."""
    series = session.scalar(select(ExportSeries).where(ExportSeries.id == id_).with_for_update())
    if series is None:
        raise NotFound("There is no such export, or none that you may see.")
    ensure_may(by, Capability.EXPORT, series.workspace)
    of_series = select(ExportPart.export).where(ExportPart.series == id_)
    failed = session.scalar(select(Export).where(Export.id.in_(of_series), Export.state == ExportState.FAILED))
    if failed is None:
        raise IllegalStep("No part of this export failed: there is nothing to take up.")
    ensure_room(session, series.workspace)
    failed.state, failed.problem, failed.ready_at = ExportState.WAITING, None, None
    happened = ExportAsked(
        by=by.id,
        workspace=series.workspace,
        export=failed.id,
        first_day=series.first_day,
        last_day=series.last_day,
    )
    record(session, happened, failed)
    return failed


def note_gone(session: Session, id_: int) -> None:
    """Record that the files of an export are not on the server any more."""
    export = session.get_one(Export, id_, with_for_update=True)
    if session.get(ExportGone, id_) is None:
        row = ExportGone(export=id_, workspace=export.workspace, seen_at=clock.now(session))
        session.add(row)
        record(session, ExportFilesGone(by=WORKER, workspace=export.workspace, export=id_), row)
