"""What the routes of the house are about beside its posts: files, talk, teams, links, stops, proposals, an export."""

from __future__ import annotations

import hashlib
import io
import uuid
from datetime import date, timedelta
from typing import Any

import pyotp
from factories import BLOCKED, HOST, SHORTENED, a_person, a_picture, a_post, a_post_in_review
from house import House, approved, sent
from sqlalchemy import select

from approval import clock
from approval.audit.models import Entry
from approval.audit.models.keys import Keys
from approval.audit.services import seal
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.people.models import Channel, LinkKind, Person, Proposal, Room, Subject, Token
from approval.people.services import accounts, closing, factors, links
from approval.posts import services as posts
from approval.posts.models import Post, Standing
from approval.posts.payload import Attachment
from approval.publishing import services as publishing
from approval.publishing.models import Heartbeat, Publication, StopScope
from approval.publishing.via.contract import Published
from approval.records import jobs as records_jobs, services as records
from approval.records.archives import look_at, read_archive
from approval.records.forms import fields_of
from approval.records.keeping import SHIPPED, Criteria, parse_retention
from approval.records.models import Finding, ItemKind, Keeping, Kind, LookbackHit, Way
from approval.records.queries import Asks, Filters, Published as Judged, archived_in
from approval.review import services as review
from approval.review.flow import Asked, Stage, Who, Workflow, to_toml
from approval.review.queries import flow_of
from approval.rules import Facts
from approval.screening import queries as rules_of, services as screening

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
WORKFLOW = Workflow((Stage("peer", "Peer", Who(Asked.ROLE, "reviewer")),))
PACK = """[pack]
title = "Ours"
about = "What our policies add."

[[rule]]
id = "FIRM001"
name = "competitor-by-name"
kind = "phrase"
topic = "comparison-unsubstantiated"
severity = "medium"
match = ["example bank"]
message = "“{match}” names a competitor."
why = "Our policy."
citation = { text = "Policy, section 4", as_of = 2026-11-01 }
suggestion = "Speak of our own service."
flags = ["Cheaper than Example Bank."]
passes = ["Ask any bank for its fees."]
"""


def furnish(house: House) -> dict[str, Any]:
    """Make one of each thing that a route is about, and return what their addresses are filled with."""
    found: dict[str, Any] = {standing.value: id_ for standing, id_ in house.posts.items()}
    for furnishing in (
        _files,
        _people,
        _decision,
        _finding,
        _false_alarm,
        _publications,
        _stops,
        _proposals,
        _export,
        _holds,
        _letting_go,
        _kept_beside,
    ):
        found |= furnishing(house)
    found |= _lookback(house, found["shown"])
    found |= _requests(house)
    found |= _room(house)
    with transaction() as session:
        session.add(Heartbeat(worker="test", at=clock.now(session)))
    for log in ("northwind", "southwind", "installation"):
        with transaction() as session:
            seal(session, log, keys=Keys(house.settings.keys))
    return found


def _room(house: House) -> dict[str, Any]:
    """The room of the house's guest, an entry that it shows, and a member with a second factor."""
    with transaction() as session:
        person, secret = session.get_one(Person, house.firm.other_reviewer.id), factors.new_secret()
        code = pyotp.TOTP(secret).at(clock.now(session))
        factors.enrol(session, person, secret, code=code, key=house.settings.secret_key)
        of_post = Entry.log == house.firm.workspace, Entry.post == house.posts[Standing.PUBLISHED]
        return {
            "room": session.scalars(select(Room.id)).one(),
            "entry": session.scalars(select(Entry.index).where(*of_post).limit(1)).one(),
            "soon": (clock.now(session) + timedelta(days=30)).date().isoformat(),
            "factored": person.id,
        }


def _files(house: House) -> dict[str, Any]:
    firm = house.firm
    with transaction() as session:
        draft = session.get_one(Post, house.posts[Standing.DRAFT])
        media = posts.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
        evidence = posts.add_evidence(session, draft, name="rates.pdf", data=PDF, by=firm.marketer)
        comment = posts.comment(session, draft, "Is this so?", by=firm.marketer)
        return {
            "digest": draft.revision.hex(),
            "media": media.digest.hex(),
            "evidence": evidence.id,
            "comment": comment.id,
        }


def _people(house: House) -> dict[str, Any]:
    firm = house.firm
    with transaction() as session:
        team = accounts.create_team(session, workspace=firm.workspace, name="legal", by=HOST)
        accounts.join_team(session, team, session.get_one(Person, firm.other_reviewer.id), by=HOST)
        closed = a_person(session, "dora", Role.REVIEWER)
        closing.disable(session, session.get_one(Person, closed.id), by=HOST)
        invited = a_person(session, "ivan", Role.REVIEWER)
        sent = {
            str(kind): links.send_link(
                session, session.get_one(Person, id_), kind, by=HOST, key=house.settings.secret_key
            )
            for kind, id_ in ((LinkKind.INVITATION, invited.id), (LinkKind.RESET, firm.other_marketer.id))
        }
        channel = session.scalars(select(Channel).where(Channel.name == "site")).one()
        token = session.scalars(select(Token.id).order_by(Token.id)).first()
        return {
            "team": team.id,
            "member": firm.other_reviewer.id,
            "person": firm.reviewer.id,
            "closed": closed.id,
            "invited": invited.id,
            "channel": channel.id,
            "token": token,
            **sent,
        }


def _decision(house: House) -> dict[str, Any]:
    with reading() as session:
        post = session.get_one(Post, house.posts[Standing.IN_REVIEW])
        round_ = flow_of(session, post.id)
        assert round_ is not None and round_.flow.open_stage is not None
        stage = round_.stage_id(round_.flow.open_stage)
        return {"stage": stage, "seen": post.revision.hex(), "key": str(uuid.uuid4())}


def _finding(house: House) -> dict[str, Any]:
    firm = house.firm
    with transaction() as session:
        post = a_post(session, firm, BLOCKED, title="blocked")
    with reading() as session:
        digest = screening.digest_in_force(session, firm.workspace)
        (first, *_) = rules_of.open_blocks(session, firm.workspace, post.revision, digest)
        return {"blocked": post.id, "blocked_seen": post.revision.hex(), "rule": first.rule}


def _false_alarm(house: House) -> dict[str, Any]:
    firm = house.firm
    with transaction() as session:
        post = a_post_in_review(session, firm, SHORTENED, title="shortened")
        digest = screening.digest_in_force(session, firm.workspace)
        (first, *_) = rules_of.findings_of(session, firm.workspace, post.revision, digest)
        posts.dismiss_finding(session, post, first.rule, reason="It quotes a scam.", by=firm.other_reviewer)
        return {"shortened": post.id, "shortened_seen": post.revision.hex(), "alarm": first.rule}


def _publications(house: House) -> dict[str, Any]:
    firm = house.firm
    with reading() as session:
        media = session.get_one(Post, house.posts[Standing.DRAFT]).workspace
    assert media == firm.workspace
    with transaction() as session:
        picture = posts.add_media(session, firm.workspace, a_picture("teal"), by=firm.marketer)
    shown = sent(firm, house.settings, Published(), title="shown", media=(Attachment(picture.digest, "A teal flag"),))
    with reading() as session:
        of = {
            name: session.scalars(select(Publication.id).where(Publication.post == post)).one()
            for name, post in (("shown", shown), ("waiting", house.posts[Standing.NEEDS_PERSON]))
        }
    return {"publication": of["waiting"], "shown": of["shown"], "pictured": shown, "picture": picture.digest.hex()}


def _stops(house: House) -> dict[str, Any]:
    """Two stops of posts that nothing else is about: one stands, of the other somebody asked that it be lifted."""
    firm = house.firm
    ids = [approved(firm, title="stopped") for _ in range(2)]
    with transaction() as session:
        stands, asked = (
            publishing.stop(
                session, scope=StopScope.POST, post=session.get_one(Post, id_), by=firm.publisher, reason="Wait."
            )
            for id_ in ids
        )
        publishing.ask_resume(session, asked, by=firm.other_compliance, reason="It is settled.")
        return {"stop": stands.id, "asked": asked.id}


def _proposals(house: House) -> dict[str, Any]:
    firm = house.firm
    with transaction() as session:
        review.propose_workflow(
            session, firm.workspace, to_toml(WORKFLOW), by=firm.other_compliance, reason="As agreed."
        )
        force = rules_of.version_in_force(session, firm.workspace)
        packs = {**rules_of.packs_of(session, force.id), "firm": PACK.encode()}
        screening.propose_rules(session, firm.workspace, packs, by=firm.other_compliance, reason="Our own.")
    with reading() as session:
        waits = {
            subject: session.scalars(select(Proposal.id).where(Proposal.subject == subject)).one()
            for subject in (Subject.WORKFLOW, Subject.RULE_SET)
        }
    return {"workflow": waits[Subject.WORKFLOW], "rules": waits[Subject.RULE_SET]}


def _kept_beside(house: House) -> dict[str, Any]:
    """An archive that waits and a record of another; complaints open, answered and ended; a take-down nobody saw."""
    firm, line = house.firm, b'{"text": "Old."}'
    by = firm.compliance

    def an_archive(data: bytes) -> int:
        look = look_at(read_archive(io.BytesIO(data), "old.jsonl"), clock.zone_named("UTC"))
        digest = hashlib.sha256(data).digest()
        told = {"source": "Old tool", "name": "old.jsonl", "digest": digest, "size": len(data)}
        return records.look_at_archive(session, firm.workspace, **told, look=look, by=by).id

    def a_complaint(*, answered: bool = False) -> int:
        day = clock.now(session).date() - timedelta(days=30)
        told = records.Told(received_on=day, way=Way.LETTER, customer="Hans", about="The hours.")
        id_ = records.receive_complaint(session, firm.workspace, told, by=by).id
        if answered:
            records.answer_complaint(session, id_, by=by, done="Corrected.", answered_on=day, answer="Sorry.")
        return id_

    published = [sent(firm, house.settings, Published(), title=title) for title in ("out", "taken down")]
    with transaction() as session:
        waiting, kept = an_archive(b'{"text": "Waits."}'), an_archive(line)
        entered, answered, ended = a_complaint(), a_complaint(answered=True), a_complaint(answered=True)
    with transaction() as session:
        records.accept_archive(session, kept, by=by)
        records.close_complaint(session, ended, by=by, finding=Finding.UPHELD)
        out, down = (session.scalars(select(Publication.id).where(Publication.post == id_)).one() for id_ in published)
        gone = records.take_down(session, down, by=firm.publisher, taken_at=None, reason="A wrong rate.").id
    list(records.go_through(kept, read_archive(io.BytesIO(line), "old.jsonl"), reached=0, by="worker"))
    with reading() as session:
        (archived,) = archived_in(session, kept, after=0, limit=1)
    return {
        **{"archive": waiting, "archived": archived.id, "complaint": entered, "answered": answered, "ended": ended},
        **{"out": out, "take_down": gone},
    }


def _holds(house: House) -> dict[str, Any]:
    """Two holds: one stands, of the other somebody asked that it be lifted; and retention rules that wait."""
    firm = house.firm
    with transaction() as session:
        stands, asked = (
            records.place_hold(
                session, firm.workspace, matter=name, reason="A letter.", criteria=Criteria(product=product), by=by
            )
            for name, product, by in (("One", "cd", firm.compliance), ("Two", "savings", firm.other_compliance))
        )
        records.propose_lift(session, asked.id, by=firm.other_compliance, reason="It is settled.")
        source = SHIPPED.replace("years = 7", "years = 8")
        records.propose_retention(session, firm.workspace, source, by=firm.other_compliance, reason="As agreed.")
    with reading() as session:
        waits = session.scalars(select(Proposal.id).where(Proposal.subject == Subject.RETENTION)).one()
    return {"hold": stands.id, "lifting": asked.id, "retention": waits}


def _letting_go(house: House) -> dict[str, Any]:
    """A list of what is due and a request to erase, both waiting for a second person; and one more post that is due."""
    firm = house.firm
    with transaction() as session:
        due, later = session.scalars(select(Post.id).order_by(Post.id).limit(2)).all()
        for post, until in ((due, date(2020, 1, 1)), (later, date(2021, 1, 1))):
            session.add(Keeping(workspace=firm.workspace, kind=Kind.POST, record=post, until=until, rule="any"))
        session.flush()
        listed = records.propose_disposition(
            session, firm.workspace, through=date(2020, 1, 1), by=firm.other_compliance, reason="Due."
        )
        asked = records.ask_erasure(
            session,
            firm.workspace,
            words="John Smith",
            posts=[due],
            asked_on=date(2026, 11, 2),
            asked_by="By letter.",
            by=firm.other_compliance,
            reason="Article 17.",
        )
        found = {"disposition": listed.id, "erasure": asked.id}
    return found


def retention_typed(**changes: Any) -> dict[str, Any]:
    """What the form of the retention rules sends of the shipped ones."""
    fields = fields_of(parse_retention(SHIPPED))
    typed = {
        f"rules-{number}-{key}": value if isinstance(value, list) else str(value)
        for number, rule in enumerate(fields["rules"])
        for key, value in rule.items()
        if value not in (None, False)
    }
    return {"fiscal_year_ends": fields["fiscal_year_ends"], **typed, "reason": "As agreed.", **changes}


def _export(house: House) -> dict[str, Any]:
    firm = house.firm
    with transaction() as session:
        asked = records.ask_export(
            session,
            workspace=firm.workspace,
            first_day=date(2020, 1, 1),
            last_day=date(2020, 1, 2),
            filters=Filters(),
            by=firm.examiner,
        )
    records_jobs.write_due(house.settings, "test")
    return {"export": asked.id}


def _requests(house: House) -> dict[str, Any]:
    """Two letters: one is drafted, with an item that a file answers, the other is written; and an export in parts, of
    which one part could not be written."""
    name, by = house.firm.workspace, house.firm.compliance
    days = {"first_day": date(2020, 1, 1), "last_day": date(2020, 1, 2)}
    with transaction() as session:
        letters = [
            records.draft_request(
                session, name, regulator="FINRA", matter=matter, received=date(2026, 11, 2), due=None, **days, by=by
            ).id
            for matter in ("Sweep 26-11", "Sweep 26-12")
        ]
        for letter in letters:
            records.add_item(
                session, letter, kind=ItemKind.NOTE, words="Your training.", asks=Asks(), file=b"Twice a year.", by=by
            )
        records.write_request(session, letters[1], by=by)
    records_jobs.write_due(house.settings, "test")
    with transaction() as session:
        series = records.ask_parts(session, workspace=name, **days, most_posts=5, most_bytes=None, by=by).id
    with transaction() as session:
        job = records.begin_next(session, "test")
        assert job is not None
        records.fail(session, job, "No space is left.")
    return {"letter": letters[0], "written": letters[1], "series": series}


def _lookback(house: House, publication: int) -> dict[str, Any]:
    """A lookback that flagged one publication; nobody has answered for it."""
    name, day = house.firm.workspace, date(2020, 1, 1)
    with transaction() as session:
        post = session.get_one(Publication, publication).post
        begun = records.begin_lookback(session, workspace=name, first_day=day, last_day=day, by=HOST)
        one = Judged(publication, post, "", Facts(), frozenset())
        records.advance_lookback(session, begun.id, [one], {publication: {"PRO110": "block"}}, ended=True)
        hit = session.scalars(select(LookbackHit.id).where(LookbackHit.lookback == begun.id)).one()
        return {"lookback": begun.id, "hit": hit}
