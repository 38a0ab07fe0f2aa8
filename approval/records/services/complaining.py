"""Complaints: entered as they came, answered, closed with what the firm found; open again where it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import IllegalStep, Invalid, NotFound, Problem
from approval.people.queries import workspace_facts
from approval.posts.models import Post
from approval.records import events
from approval.records.models import Complaint, Finding, Way
from approval.review.services.guards import ensure_may, normal_text
from approval.rules import PRODUCTS

MOST_TEXT = 20_000
MOST_NAME, MOST_CONTACT, MOST_ACCOUNT = 200, 400, 80


@dataclass(frozen=True, kw_only=True)
class Told:
    """A complaint as it is entered: who complains of what, since when, about which post, product or member of staff."""

    received_on: date
    way: Way
    customer: str
    about: str
    contact: str | None = None
    account: str | None = None
    staff: str | None = None
    post: int | None = None
    product: str | None = None


def receive_complaint(session: Session, workspace: str, told: Told, *, by: Actor) -> Complaint:
    """Enter a complaint that a customer made."""
    ensure_may(by, Capability.HOLD, workspace)
    ensure_not_later(session, workspace, told.received_on, "received_on")
    ensure_about(session, workspace, told)
    row = Complaint(
        workspace=workspace,
        post=told.post,
        product=told.product,
        received_on=told.received_on,
        way=told.way,
        customer=_needed(told.customer, "customer", MOST_NAME, "Name who complains; “not named” where nobody is."),
        contact=normal_text(told.contact, "contact", MOST_CONTACT),
        account=normal_text(told.account, "account", MOST_ACCOUNT),
        staff=normal_text(told.staff, "staff", MOST_NAME),
        about=_needed(told.about, "about", MOST_TEXT, "Say what the complaint is about, in the customer's words."),
        recorded_by=by.id,
        recorded_at=clock.now(session),
    )
    session.add(row)
    session.flush()
    happened = events.ComplaintReceived(
        by=by.id,
        workspace=workspace,
        post=row.post,
        complaint=row.id,
        received_on=row.received_on,
        way=str(row.way),
        product=row.product,
    )
    record(session, happened, row)
    return row


def answer_complaint(session: Session, id_: int, *, by: Actor, done: str, answered_on: date, answer: str) -> Complaint:
    """Write down what was done about a complaint, and when and what the customer was answered; the last one counts."""
    row = _for_change(session, id_)
    ensure_may(by, Capability.HOLD, row.workspace)
    ensure_open(row)
    ensure_not_later(session, row.workspace, answered_on, "answered_on")
    ensure_not_before(row, answered_on)
    row.done = _needed(done, "done", MOST_TEXT, "Say what was done; “nothing, because …” where nothing was.")
    row.answer = _needed(answer, "answer", MOST_TEXT, "Write what the customer was answered.")
    row.answered_on = answered_on
    happened = events.ComplaintAnswered(
        by=by.id, workspace=row.workspace, post=row.post, complaint=row.id, answered_on=answered_on
    )
    record(session, happened, *_changed(session, row))
    session.flush()
    return row


def close_complaint(session: Session, id_: int, *, by: Actor, finding: Finding) -> Complaint:
    """End a complaint that was answered, with what the firm found."""
    row = _for_change(session, id_)
    ensure_may(by, Capability.HOLD, row.workspace)
    ensure_open(row)
    if row.answered_on is None:
        raise IllegalStep("Write down what was done and what the customer was answered; then it can be closed.")
    row.finding, row.closed_by, row.closed_at = finding, by.id, clock.now(session)
    happened = events.ComplaintClosed(
        by=by.id, workspace=row.workspace, post=row.post, complaint=row.id, finding=str(finding)
    )
    record(session, happened, row)
    session.flush()
    return row


def reopen_complaint(session: Session, id_: int, *, by: Actor) -> Complaint:
    """Take up a complaint again that had ended."""
    row = _for_change(session, id_)
    ensure_may(by, Capability.HOLD, row.workspace)
    if row.closed_at is None:
        raise IllegalStep("This complaint is open already.")
    row.finding = row.closed_by = row.closed_at = None
    record(
        session,
        events.ComplaintReopened(by=by.id, workspace=row.workspace, post=row.post, complaint=row.id),
        row,
    )
    session.flush()
    return row


def _for_change(session: Session, id_: int) -> Complaint:
    row = session.get(Complaint, id_, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such complaint, or none that you may see.")
    return row


def _changed(session: Session, row: Complaint) -> tuple[Complaint, ...]:
    """Return the row where it was changed: the same answer, sent again, changes nothing."""
    return (row,) if session.is_modified(row) else ()


def ensure_open(row: Complaint) -> None:
    """Refuse a complaint that has ended."""
    if row.closed_at is not None:
        raise IllegalStep("This complaint is closed. Open it again first.")


def ensure_about(session: Session, workspace: str, told: Told) -> None:
    """Refuse a post or a product that is not there."""
    if told.product is not None and told.product not in PRODUCTS:
        _refuse("product", f"“{told.product[:40]}” is no product. Choose one of the list.")
    if told.post is not None:
        owner = session.scalar(select(Post.workspace).where(Post.id == told.post))
        if owner != workspace:
            _refuse("post", f"There is no post {told.post} in {workspace}.")


def ensure_not_later(session: Session, workspace: str, day: date, where: str) -> None:
    """Refuse a day that has not come, or that no firm remembers."""
    today = clock.wall_time(clock.now(session), workspace_facts(session, workspace).zone).date()
    if not date(1970, 1, 1) <= day <= today:
        _refuse(where, f"Give a day from 1970 to today, {today}.")


def ensure_not_before(row: Complaint, answered_on: date) -> None:
    """Refuse an answer that was given before the complaint came."""
    if answered_on < row.received_on:
        _refuse("answered_on", f"The complaint came on {row.received_on}: it was not answered before.")


def _needed(text: str, where: str, most: int, what: str) -> str:
    found = normal_text(text, where, most)
    if found is None:
        _refuse(where, what)
    return found or ""


def _refuse(where: str, what: str) -> None:
    raise Invalid(what, problems=(Problem(where, what),))
