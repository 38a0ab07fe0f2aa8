"""How this installation keeps records: what an assessment of it asks, a plain answer to each point, and its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select

from approval import __version__, clock
from approval.audit.models import Watch
from approval.audit.queries.entries import Head, head
from approval.audit.queries.watching import Alarm, alarms
from approval.capabilities import Capability
from approval.db import Session
from approval.people.queries import WorkspaceFacts, people_who, workspace_facts
from approval.records.models import Export, ExportState
from approval.records.queries.complaints import AccessStanding, access_standing
from approval.records.queries.holds import active_holds
from approval.records.queries.retention import RulesVersion, retention_in_force
from approval.settings import Settings

_VERIFIED_WITHIN = timedelta(hours=36)


class Reply(StrEnum):
    """A plain answer."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Point:
    """One thing that is asked of the system: the answer, what it rests on, and where that stands."""

    asks: str
    reply: Reply
    value: str
    source: str


@dataclass(frozen=True)
class Configuration:
    """An installation as it is, for one workspace."""

    firm: WorkspaceFacts
    at: datetime
    program: str
    database: str
    head: Head
    alarms: tuple[Alarm, ...]
    good_at: datetime | None
    rules: RulesVersion
    holds: int
    holders: int
    exporters: tuple[str, ...]
    exported_at: datetime | None
    access: AccessStanding
    settings: Settings


def configuration(session: Session, workspace: str, settings: Settings) -> Configuration:
    """Gather how this installation keeps the records of a workspace, now."""
    ready = Export.workspace == workspace, Export.state == ExportState.READY
    return Configuration(
        firm=workspace_facts(session, workspace),
        at=clock.now(session),
        program=__version__,
        database="SQLite" if settings.embedded else "PostgreSQL",
        head=head(session, workspace),
        alarms=tuple(alarms(session, [workspace])),
        good_at=session.scalar(select(Watch.good_at).where(Watch.log == workspace)),
        rules=retention_in_force(session, workspace),
        holds=len(active_holds(session, workspace)),
        holders=len(people_who(session, workspace, Capability.HOLD)),
        exporters=tuple(actor.name for actor in people_who(session, workspace, Capability.EXPORT)),
        exported_at=session.scalar(select(func.max(Export.ready_at)).where(*ready)),
        access=access_standing(session, workspace),
        settings=settings,
    )


def points(of: Configuration) -> tuple[Point, ...]:
    """Answer what an assessment asks, in its order."""
    return (*_kept(of), *_proved(of), *_apart(of), *_produced(of))


def _yes(holds: bool) -> Reply:
    return Reply.YES if holds else Reply.NO


def _kept(of: Configuration) -> Iterator[Point]:
    worm = of.settings.worm
    yield Point(
        "The log of records cannot be rewritten or erased through this program, by codes that are part of it",
        Reply.YES,
        "Its rows are inserted once; triggers, the driver and, on PostgreSQL, the rights of the role refuse the rest. "
        "What is erased under a recorded request leaves its commitment and its entry.",
        "Checked whenever the program starts",
    )
    yield Point(
        "… and cannot be rewritten past this program, by whoever has the machine",
        _yes(worm is not None and any(place.is_copy and place.size for place in of.head.outside)),
        f"A write-once copy is kept in the bucket {worm.name}, {worm.days} days or longer."
        if worm
        else "No write-once copy: whoever owns the machine can change the files. That is found, not prevented.",
        "APPROVAL_WORM_URL, and what was copied so far",
    )
    yield Point(
        "Nothing is deleted before its period has ended",
        Reply.YES,
        f"Retention rules of version {of.rules.number} ({of.rules.digest.hex()[:12]}…); nothing is deleted by itself.",
        "Retention rules in force",
    )
    yield Point(
        "A legal hold keeps records beyond their period, and two people lift it",
        _yes(of.holders > 1),
        f"{of.holds} stand; {of.holders} may place and lift them."
        + ("" if of.holders > 1 else " Until a second person may, one lifts alone, and the log says so."),
        "Legal holds; roles of this workspace",
    )
    yield Point(
        "Moving the clock does not end a period early",
        _yes(of.settings.timestamp_url is not None),
        "Time is asked of the database. Checkpoints are dated by an authority outside, so that a moved clock shows."
        if of.settings.timestamp_url
        else "Time is asked of the database, and nobody outside dates it: a moved clock would not show.",
        "APPROVAL_TIMESTAMP_URL",
    )


def _proved(of: Configuration) -> Iterator[Point]:
    fresh = of.good_at is not None and of.at - of.good_at < _VERIFIED_WITHIN
    yield Point(
        "Recording is verified when it is written, and again later by itself",
        _yes(fresh and not of.alarms),
        f"Last whole verification without a finding: {clock.to_text(of.good_at)}."
        if of.good_at
        else "No whole verification has ended without a finding yet.",
        "Nightly verification; alarms: " + (", ".join(alarm.headline for alarm in of.alarms) or "none"),
    )
    yield Point(
        "Records have a unique, serial number and a time",
        _yes(of.head.size > 0),
        f"{of.head.size:,} entries without a gap, {of.head.sealed:,} of them under a signed checkpoint.",
        "Log of this workspace",
    )
    dated = of.head.anchored
    yield Point(
        "The time is attested from outside",
        _yes(dated.size > 0),
        f"{dated.size:,} entries are under an RFC 3161 token." if dated.size else "No token was obtained.",
        "APPROVAL_TIMESTAMP_URL, and the tokens that are stored",
    )
    witnesses = [place for place in of.head.outside if not place.is_copy]
    yield Point(
        "Others hold the state of the log, so that it cannot be rolled back unseen",
        _yes(bool(witnesses)),
        ", ".join(f"{place.name} to {place.size:,}" for place in witnesses) or "No witness is configured.",
        "APPROVAL_WITNESSES",
    )
    yield Point(
        "The system itself is audited: who put in and changed what, and who read the log",
        Reply.YES,
        "Every change commits with its entry or not at all; entries are kept as long as the log.",
        "Log of this workspace; log of the installation",
    )


def _apart(of: Configuration) -> Iterator[Point]:
    settings = of.settings
    shared = settings.embedded and settings.keys.is_relative_to(settings.data)
    yield Point(
        "Signing keys and records lie apart",
        _yes(not shared),
        "They share a folder: whoever has it has both." if shared else "The keys are not in the folder of the data.",
        "APPROVAL_KEYS, APPROVAL_DATA",
    )
    yield Point(
        "Whoever serves the pages cannot sign",
        _yes(settings.separate_sealer),
        "A user of its own holds the keys." if settings.separate_sealer else "One user serves, works and signs.",
        "APPROVAL_SEALER",
    )
    owner = "The tables belong to another role." if settings.owner_url else "No owner's address is set for upgrades."
    yield Point(
        "The role that serves does not own the tables",
        Reply.NOT_APPLICABLE if settings.embedded else Reply.YES,
        "An embedded database has no roles." if settings.embedded else f"Refused at start otherwise. {owner}",
        "Rights of the database role; APPROVAL_OWNER_URL",
    )
    yield Point(
        "People reach it over https",
        _yes(settings.secure),
        settings.base_url or "On this machine only.",
        "APPROVAL_BASE_URL",
    )


def _produced(of: Configuration) -> Iterator[Point]:
    yield Point(
        "Records and their index can be downloaded, readable and usable, and verified without this program",
        _yes(of.exported_at is not None),
        f"Last export: {clock.to_text(of.exported_at)}." if of.exported_at else "No export was written yet.",
        "Exports of this workspace",
    )
    yield Point(
        "A duplicate is kept apart from the original",
        _yes(any(place.is_copy and place.size for place in of.head.outside)),
        "The write-once copy holds entries as commitments, without what they commit to: backups of the database are "
        "the operator's, and unknown to this program.",
        "APPROVAL_WORM_URL",
    )
    last = f"Last one that verified: {clock.to_text(of.access.last)}." if of.access.last else "None has verified yet."
    yield Point(
        "Access was tested in the last six months",
        _yes(of.access.last is not None and not of.access.late),
        last,
        "Tests of access",
    )
    yield Point(
        "More than one person can produce the records",
        _yes(len(of.exporters) > 1),
        f"{len(of.exporters)}: {', '.join(of.exporters[:20])}." if of.exporters else "Nobody holds such a role.",
        "Roles of this workspace",
    )
