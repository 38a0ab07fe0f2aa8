"""Judging what was published again, under the rules in force: resumable, and answered for by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import CapabilityMissing, Conflict, Invalid, NotFound, Problem
from approval.people.queries import people_who
from approval.people.services.telling import tell
from approval.records.events import LookbackAdvanced, LookbackAnswered, LookbackBegun
from approval.records.models import Lookback, LookbackHit
from approval.records.queries.lookbacks import Published
from approval.records.services.choosing import ensure_days
from approval.rules import Severity
from approval.screening.queries import version_in_force
from approval.screening.services.rules import name_digest, ready

MOST_ANSWER = 2_000


def begin_lookback(session: Session, *, workspace: str, first_day: date, last_day: date, by: str) -> Lookback:
    """Begin a lookback over some days, or take up the one that was interrupted under the same rules."""
    ensure_days(first_day, last_day)
    version = version_in_force(session, workspace)
    rule_set = ready(session, version).digest
    unfinished = session.scalar(
        select(Lookback).where(
            Lookback.workspace == workspace,
            Lookback.first_day == first_day,
            Lookback.last_day == last_day,
            Lookback.rule_set == rule_set,
            Lookback.ended_at.is_(None),
        )
    )
    if unfinished is not None:
        return unfinished
    begun = Lookback(
        workspace=workspace,
        first_day=first_day,
        last_day=last_day,
        rule_set=rule_set,
        begun_by=by,
        begun_at=clock.now(session),
    )
    session.add(begun)
    session.flush()
    name_digest(session, workspace, version, rule_set, by=by)
    happened = LookbackBegun(
        by=by, workspace=workspace, lookback=begun.id, first_day=first_day, last_day=last_day, rule_set=rule_set
    )
    record(session, happened, begun)
    return begun


def advance_lookback(
    session: Session, id_: int, judged: Sequence[Published], found: Mapping[int, Mapping[str, str]], *, ended: bool
) -> Lookback:
    """Keep what a stretch of publications showed: *found* is publication to rule to severity, of today's rules.

    Only what the rules of its time did not find is a hit. Whoever answers for findings is told at the end.
    """
    lookback = session.get_one(Lookback, id_, with_for_update=True, populate_existing=True)
    if lookback.ended_at is not None or (judged and judged[0].id <= lookback.reached):
        raise Conflict("Another process judged this stretch already.")
    hits = [hit for one in judged if (hit := _hit(lookback, one, found.get(one.id, {}))) is not None]
    session.add_all(hits)
    lookback.reached = judged[-1].id if judged else lookback.reached
    lookback.judged += len(judged)
    lookback.found += len(hits)
    lookback.ended_at = clock.now(session) if ended else None
    session.flush()
    happened = LookbackAdvanced(
        by=lookback.begun_by,
        workspace=lookback.workspace,
        lookback=lookback.id,
        judged=lookback.judged,
        found=lookback.found,
        ended=ended,
    )
    record(session, happened, lookback, *hits)
    if ended and lookback.found:
        whom = [actor.id for actor in people_who(session, lookback.workspace, Capability.ACCEPT_FINDING)]
        tell(session, whom, "lookback_found", workspace=lookback.workspace, lookback=lookback.id, found=lookback.found)
    return lookback


def _hit(lookback: Lookback, published: Published, found: Mapping[str, str]) -> LookbackHit | None:
    new = {rule: severity for rule, severity in found.items() if rule not in published.known}
    if not new:
        return None
    return LookbackHit(
        workspace=lookback.workspace,
        lookback=lookback.id,
        publication=published.id,
        post=published.post,
        worst=max(new.values(), key=lambda severity: Severity(severity).rank),
        rules=new,
    )


def answer_hit(session: Session, workspace: str, id_: int, *, by: Actor, words: str) -> LookbackHit:
    """Say what follows from a flagged publication: kept, corrected, taken down, and why. Once."""
    if not can(by, Capability.ACCEPT_FINDING, workspace):
        raise CapabilityMissing(f"Your roles in {workspace} do not include “{Capability.ACCEPT_FINDING}”.")
    hit = session.get(LookbackHit, id_, with_for_update=True, populate_existing=True)
    if hit is None or hit.workspace != workspace:
        raise NotFound("There is no such finding of a lookback here.")
    if hit.answered_at is not None:
        raise Conflict("Somebody has answered for this publication already.")
    words = words.replace("\r\n", "\n").strip()
    if not 0 < len(words) <= MOST_ANSWER:
        what = f"Say in 1 to {MOST_ANSWER:,} characters what follows: kept, corrected or taken down, and why."
        raise Invalid(what, problems=(Problem("answer", what),))
    hit.answer, hit.answered_by, hit.answered_at = words, by.id, clock.now(session)
    session.flush()
    record(
        session, LookbackAnswered(by=by.id, workspace=workspace, post=hit.post, lookback=hit.lookback, hit=hit.id), hit
    )
    return hit
