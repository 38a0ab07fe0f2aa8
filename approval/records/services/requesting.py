"""A regulator's letter, from its items to the hand-over of what answers them."""

from __future__ import annotations

import hashlib
from datetime import date

from sqlalchemy import func, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import BadFile, Conflict, IllegalStep, Invalid, NotFound, Problem
from approval.people.models import Channel
from approval.posts.images import MOST_EVIDENCE_BYTES, ensure_evidence
from approval.posts.models import Post
from approval.records import events
from approval.records.models import Export, ExportState, ItemKind, RequestItem, RequestList
from approval.records.queries.requests import Asks
from approval.records.queries.selection import Filters
from approval.records.services.asking import ask_export
from approval.records.services.choosing import MOST_CHOSEN, ensure_days
from approval.review.services.guards import ensure_may, normal_text
from approval.rules import PRODUCTS

MOST_ITEMS = 100
MOST_SAMPLE = 200
MOST_WORDS = 4_000
MOST_LINE = 120
MOST_SEED = 80
_SAMPLES = (ItemKind.RANDOM, ItemKind.RISKIEST)
_LIMITED = (*_SAMPLES, ItemKind.POSTS)
_TEXT = "text/plain"


def draft_request(
    session: Session,
    workspace: str,
    *,
    regulator: str,
    matter: str,
    received: date,
    due: date | None,
    first_day: date,
    last_day: date,
    by: Actor,
) -> RequestList:
    """Enter a letter: whose, about what, when it came, when the answer is due, which days are under review."""
    ensure_may(by, Capability.HOLD, workspace)
    ensure_days(first_day, last_day)
    if due is not None and due < received:
        raise _bad("due", f"The answer is due ({due}) before the letter came ({received}).")
    row = RequestList(
        workspace=workspace,
        regulator=_line(regulator, "regulator", "Name the regulator, such as FINRA."),
        matter=_line(matter, "matter", "Name the matter, such as the number of the letter."),
        received=received,
        due=due,
        first_day=first_day,
        last_day=last_day,
        drafted_by=by.id,
        drafted_at=clock.now(session),
    )
    session.add(row)
    session.flush()
    happened = events.RequestDrafted(
        by=by.id,
        workspace=workspace,
        request=row.id,
        received=received,
        due=due,
        first_day=first_day,
        last_day=last_day,
    )
    record(session, happened, row)
    return row


def add_item(
    session: Session, id_: int, *, kind: ItemKind, words: str, asks: Asks, file: bytes | None = None, by: Actor
) -> RequestItem:
    """Enter an item of a letter in its own words, the kind of answer it gets, and what that needs to know."""
    request = _for_change(session, id_, by)
    ensure_open(request)
    numbers = select(func.count(), func.max(RequestItem.number)).where(RequestItem.request == id_)
    count, last = session.execute(numbers).one()
    if count >= MOST_ITEMS:
        raise Conflict(f"A request list takes {MOST_ITEMS} items. Enter the rest of the letter as a second one.")
    asks = _needed(kind, asks)
    ensure_known(session, request.workspace, asks)
    data, file_kind = _file(file if kind is ItemKind.NOTE else None)
    item = RequestItem(
        workspace=request.workspace,
        request=id_,
        number=(last or 0) + 1,
        kind=kind,
        words=_text(words),
        asks=asks.to_json(),
        file=data,
        file_kind=file_kind,
    )
    session.add(item)
    session.flush()
    happened = events.RequestItemAdded(
        by=by.id, workspace=request.workspace, request=id_, number=item.number, item_kind=str(kind)
    )
    record(session, happened, item)
    return item


def _needed(kind: ItemKind, asks: Asks) -> Asks:
    """Return what the kind needs of *asks*; Invalid where something of it is missing."""
    kept = Asks()
    if kind is ItemKind.PROCEDURES:
        if asks.on is None:
            raise _bad("on", "Choose the day on which the procedures were in force.")
        ensure_days(asks.on, asks.on)
        kept = Asks(on=asks.on)
    elif kind is ItemKind.CASES:
        if not 1 <= len(set(asks.posts)) <= MOST_CHOSEN:
            raise _bad("posts", f"Give the numbers of 1 to {MOST_CHOSEN} posts.")
        kept = Asks(posts=tuple(sorted(set(asks.posts))))
    elif kind in _LIMITED:
        kept = Asks(product=asks.product, channel=asks.channel)
    if kind in _SAMPLES:
        if not 1 <= asks.count <= MOST_SAMPLE:
            raise _bad("count", f"Draw 1 to {MOST_SAMPLE} posts.")
        seed = (
            _line(asks.seed, "seed", "Give a seed, such as the date of the letter.") if kind is ItemKind.RANDOM else ""
        )
        kept = Asks(count=asks.count, seed=seed[:MOST_SEED], product=asks.product, channel=asks.channel)
    return kept


def ensure_known(session: Session, workspace: str, asks: Asks) -> None:
    """Refuse posts, products and channels that do not exist in the workspace."""
    known = set(session.scalars(select(Post.id).where(Post.workspace == workspace, Post.id.in_(asks.posts))))
    if unknown := [post for post in asks.posts if post not in known]:
        raise _bad("posts", f"There is no post {unknown[0]} in {workspace}.")
    if asks.product and asks.product not in PRODUCTS:
        raise _bad("product", f"“{asks.product[:40]}” is no product that a post can be about.")
    named = select(Channel.id).where(Channel.workspace == workspace, Channel.name == asks.channel)
    if asks.channel and session.scalar(named) is None:
        raise _bad("channel", f"There is no channel “{asks.channel[:40]}” in {workspace}.")


def remove_item(session: Session, id_: int, number: int, *, by: Actor) -> None:
    """Take an item out of a letter that is not written yet; its row stays in the records."""
    request = _for_change(session, id_, by)
    ensure_open(request)
    item = _item(session, id_, number)
    item.removed_at = clock.now(session)
    happened = events.RequestItemRemoved(by=by.id, workspace=request.workspace, request=id_, number=number)
    record(session, happened, item)


def answer_item(session: Session, id_: int, number: int, *, file: bytes, by: Actor) -> None:
    """Put in a file as the answer to an item in free text, or another one in its place."""
    request = _for_change(session, id_, by)
    ensure_open(request)
    item = _item(session, id_, number)
    if item.kind is not ItemKind.NOTE:
        raise IllegalStep("This item is answered from the records, not by a file. Add an item in free text.")
    item.file, item.file_kind = _file(file)
    if item.file is None:
        raise BadFile("This file is empty.", problems=(Problem("file", "This file is empty."),))
    digest = hashlib.sha256(item.file).digest()
    happened = events.RequestItemAnswered(
        by=by.id, workspace=request.workspace, request=id_, number=number, digest=digest
    )
    record(session, happened, item)


def write_request(session: Session, id_: int, *, by: Actor) -> Export:
    """Ask that all answers be written as one export; the worker writes it and tells whoever asked."""
    request = _for_change(session, id_, by)
    ensure_unwritten(session, request)
    items = session.execute(
        select(RequestItem.asks).where(RequestItem.request == id_, RequestItem.removed_at.is_(None))
    ).all()
    if not items:
        raise Conflict("This request has no item yet. Add what the letter asks for.")
    posts = sorted({post for (asks,) in items for post in Asks.from_json(asks).posts})
    export = ask_export(
        session,
        workspace=request.workspace,
        first_day=request.first_day,
        last_day=request.last_day,
        filters=Filters(also=tuple(posts)),
        by=by,
    )
    request.export = export.id
    happened = events.RequestAsked(by=by.id, workspace=request.workspace, request=id_, export=export.id)
    record(session, happened, request)
    return export


def reopen_request(session: Session, id_: int, *, by: Actor) -> None:
    """Let the items be changed again; what was written stays an export, and answers this letter no more."""
    request = _for_change(session, id_, by)
    export = _bundle(session, request)
    if request.handed_at is not None:
        raise IllegalStep("It was handed over. Enter what is asked for now as a new request.")
    if export.state not in (ExportState.READY, ExportState.FAILED):
        raise IllegalStep("It is being written. Wait until it is ready.")
    request.export = None
    happened = events.RequestReopened(by=by.id, workspace=request.workspace, request=id_, export=export.id)
    record(session, happened, request)


def hand_over(session: Session, id_: int, *, to: str, by: Actor) -> None:
    """Record that the answers were handed over: to whom, now, and which bytes."""
    request = _for_change(session, id_, by)
    export = _bundle(session, request)
    if request.handed_at is not None:
        raise IllegalStep("It was handed over already.")
    if export.state is not ExportState.READY or export.digest is None or export.entries is None:
        raise IllegalStep("It is not written yet: there is nothing to hand over.")
    request.handed_to = _line(to, "to", "Say to whom, and how: a name, a portal, a courier.", most=200)
    request.handed_by, request.handed_at = by.id, clock.now(session)
    happened = events.RequestHandedOver(
        by=by.id,
        workspace=request.workspace,
        request=id_,
        export=export.id,
        digest=export.digest,
        entries=export.entries,
    )
    record(session, happened, request)


def ensure_open(request: RequestList) -> None:
    """Refuse to change what is written, or being written."""
    if request.export is not None:
        raise IllegalStep("The answers are written, or being written. Take them back to change the items.")


def ensure_unwritten(session: Session, request: RequestList) -> None:
    """Refuse to write twice; what could not be written is written anew."""
    if request.export is not None and _bundle(session, request).state is not ExportState.FAILED:
        raise IllegalStep("The answers are written, or being written. Take them back to write them anew.")


def _bundle(session: Session, request: RequestList) -> Export:
    if request.export is None:
        raise IllegalStep("Nobody asked yet that the answers be written.")
    return session.get_one(Export, request.export)


def _for_change(session: Session, id_: int, by: Actor) -> RequestList:
    request = session.get(RequestList, id_, with_for_update=True, populate_existing=True)
    if request is None:
        raise NotFound("There is no such request, or none that you may see.")
    ensure_may(by, Capability.HOLD, request.workspace)
    return request


def _item(session: Session, id_: int, number: int) -> RequestItem:
    where = RequestItem.request == id_, RequestItem.number == number, RequestItem.removed_at.is_(None)
    item = session.scalar(select(RequestItem).where(*where))
    if item is None:
        raise NotFound(f"This request has no item {number}.")
    return item


def _file(data: bytes | None) -> tuple[bytes | None, str | None]:
    """Return a file and its media type; BadFile or TooLarge says why it cannot be taken."""
    if not data:
        return None, None
    if _is_text(data):
        return data, _TEXT
    return data, ensure_evidence(data)


def _is_text(data: bytes) -> bool:
    if len(data) > MOST_EVIDENCE_BYTES or b"\x00" in data or data.startswith(b"%PDF-"):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _line(text: str, where: str, missing: str, *, most: int = MOST_LINE) -> str:
    line = " ".join((normal_text(text, where, most) or "").split())
    if not line:
        raise _bad(where, missing)
    return line


def _text(words: str) -> str:
    text = normal_text(words, "words", MOST_WORDS)
    if text is None:
        raise _bad("words", "Write what the letter asks for, in its words.")
    return text


def _bad(where: str, what: str) -> Invalid:
    return Invalid(what, problems=(Problem(where, what),))
