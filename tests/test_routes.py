"""Every route, every method: who comes in, and how everybody else is turned away.

A route that is not in the table fails `test_the_table_names_every_route`; so does one that the table invents.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from doors import PASSWORD
from flask import Flask
from furniture import PACK, PDF, WORKFLOW, a_picture, furnish, retention_typed
from house import GUEST, NOBODY, ROLES, STRANGER, TOKENS, House, a_house, nothing_kept

from approval import capabilities
from approval.capabilities import Capability, Role
from approval.review.flow import to_toml
from approval.screening.services import changing
from approval.web.identity import NOT_HERE

MARKETER, REVIEWER, COMPLIANCE, PUBLISHER, EXAMINER, ADMINISTRATOR = (
    "marketer",
    "reviewer",
    "compliance",
    "publisher",
    "examiner",
    "administrator",
)
ALL = frozenset(ROLES)
MEMBERS = ALL
DRAFTING = frozenset({MARKETER})
TALKING = frozenset({MARKETER, REVIEWER, COMPLIANCE, PUBLISHER})
DECIDING_FIRST = frozenset({REVIEWER})
ANSWERING = frozenset({COMPLIANCE})
PUBLISHING = frozenset({PUBLISHER})
WITHDRAWING = frozenset({MARKETER, COMPLIANCE, PUBLISHER})
STOPPING = frozenset({COMPLIANCE, PUBLISHER, ADMINISTRATOR})
RESUMING = frozenset({COMPLIANCE, ADMINISTRATOR})
DEFINING = frozenset({COMPLIANCE, ADMINISTRATOR})
HOLDING = frozenset({COMPLIANCE, ADMINISTRATOR})
ADMINISTERING = frozenset({ADMINISTRATOR})
AUDITING = frozenset({COMPLIANCE, EXAMINER, ADMINISTRATOR})
NO_ROLE: frozenset[str] = frozenset()
"""There are two workspaces, and nobody of this one reads the audit of both."""

READ = frozenset({"read", "draft", "export"})
DRAFT = frozenset({"draft"})
EXPORT = frozenset({"export"})
NO_TOKEN: frozenset[str] = frozenset()

IN, LOGIN = "in", "login"
NO_WORKSPACE = "There is no such workspace, or none that you may see."
W = "?workspace=northwind"
PERIOD = {"first_day": "2020-01-01", "last_day": "2099-12-31"}
LETTER = {"regulator": "FINRA", "matter": "Sweep 27-01", "received": "2026-11-02", **PERIOD}
DAYS = {"workspace": "northwind", "from": "2020-01-01", "to": "2099-12-31"}
POST = {"title": "Hours", "texts": {"news": "From Monday our branch in Zug opens at nine."}}
TYPED = {"title": "Hours", "channel": "news", "text.news": "Open.", "regime": "us-bank", "zone": "Europe/Zurich"}
CHOSEN = {"password": "eleven grey geese at dusk", "again": "eleven grey geese at dusk"}
TOMORROW = {"publish_at": "2099-11-21T09:00:00Z", "zone": "Europe/Zurich"}
RULE = {
    "kind": "phrase",
    "name": "competitor-named",
    "topic": "comparison-unsubstantiated",
    "severity": "medium",
    "match": "example bank",
    "message": "“{match}” names a competitor.",
    "why": "Our policy.",
    "source": "Policy, section 4",
    "as_of": "2026-11-01",
    "suggestion": "Speak of our own service.",
    "flags": "Cheaper than Example Bank.",
    "passes": "Ask any bank for its fees.",
    "reason": "As agreed.",
}
ROOM = {
    "name": "Gero",
    "email": "gero@regulator.example",
    "matter": "Sweep 26-12",
    "contact": "Carla",
    "ends": "{soon}",
    "post": "{published}",
}
DECISION = {"stage": "{stage}", "seen": "{seen}", "verdict": "approve", "key": "{key}"}


@dataclass(frozen=True)
class Open:
    """One way through a door. `to`: roles of the workspace that come in; None: anybody at all, signed in or not;
    "signed in": any person. `tokens`: scopes that come in. `kept_out`: what others of the workspace are told.
    `guest`: what an examiner is told whose room shows the published post; None: as any person, or nothing."""

    method: str
    address: str
    to: frozenset[str] | str | None
    tokens: frozenset[str] = NO_TOKEN
    form: dict[str, Any] | None = None
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    kept_out: int = 403
    always: int | None = None
    """What everybody is told, where nobody comes in any more."""
    guest: str | int | None = None
    by_token: int | None = None
    """What a token is told at a door that is open to anybody: a form has its CSRF token, or it is not valid."""


SIGNED_IN = "signed in"


def get(address: str, to: frozenset[str] | str | None, tokens: frozenset[str] = NO_TOKEN, **more: Any) -> Open:
    return Open("GET", address, to, tokens, **more)


def post(address: str, to: frozenset[str] | str | None, tokens: frozenset[str] = NO_TOKEN, **more: Any) -> Open:
    more.setdefault("form", None if "json" in more else {})
    return Open("POST", address, to, tokens, **more)


DOORS: dict[str, tuple[Open, ...]] = {
    # shipped files, and what anybody may read
    "static": (get("/static/css/desk.css", None),),
    "bootstrap.static": (get("/bootstrap/static/css/bootstrap.min.css", None),),
    "api-docs.openapi_json": (get("/api/v1/openapi.json", None),),
    "desk.healthz": (get("/healthz", None),),
    "desk.readyz": (get("/readyz", None),),
    "publishing.feed": (get("/feeds/northwind/news", None),),
    "publishing.feed_atom": (get("/feeds/northwind/news.atom", None),),
    "publishing.media": (get("/media/public/{shown}/{picture}", None),),
    # coming in, and one's own account
    "people.login": (
        get("/login", None),
        post("/login", None, form={"email": "maria@northwind.example", "password": PASSWORD}, by_token=422),
    ),
    # Nobody of the house has given a password without the code that follows it.
    "people.login_code": (get("/login/code", None), post("/login/code", None)),
    "people.logout": (post("/logout", None),),
    "people.forgot": (
        get("/forgot", None),
        post("/forgot", None, form={"email": "maria@northwind.example"}, by_token=422),
    ),
    "people.invitation": (
        get("/invitation/{invitation}", None),
        post("/invitation/{invitation}", None, form=CHOSEN, by_token=422),
    ),
    "people.reset": (get("/reset/{reset}", None), post("/reset/{reset}", None, form=CHOSEN, by_token=422)),
    "people.setup": (get("/setup", None, always=404), post("/setup", None, always=404)),
    "people.account": (get("/account", SIGNED_IN),),
    "people.password": (
        get("/account/password", SIGNED_IN),
        post("/account/password", SIGNED_IN, form={"current": PASSWORD, **CHOSEN}),
    ),
    "people.end_sessions": (post("/account/sessions/end", SIGNED_IN, form={"session": "others"}),),
    "people.create_token": (post("/account/tokens", SIGNED_IN, form={"name": "desk", "scope": "read", "days": "30"}),),
    # The token is of somebody else, for whom alone it exists.
    "people.revoke_token": (post("/account/tokens/{token}/revoke", frozenset(), kept_out=404),),
    "people.factor": (get("/account/factor", SIGNED_IN), post("/account/factor", SIGNED_IN)),
    # Whoever has a second factor gives a code of it first.
    "people.new_codes": (post("/account/factor/codes", SIGNED_IN, guest=422),),
    "people.remove_factor": (post("/account/factor/remove", SIGNED_IN, guest=422),),
    "people.reset_factor": (post("/admin/people/{factored}/factor/reset" + W, ADMINISTERING),),
    "people.ask_factor": (post("/admin/workspace/factor" + W, ADMINISTERING, form={"roles": "compliance"}),),
    "people.notices": (get("/notices", SIGNED_IN),),
    "people.read_notices": (post("/notices/read", SIGNED_IN),),
    # administration
    "people.admin": (get("/admin" + W, ADMINISTERING),),
    "people.people": (
        get("/admin/people" + W, ADMINISTERING),
        post("/admin/people" + W, ADMINISTERING, form={"name": "Nele", "email": "n@x.example", "roles": "reviewer"}),
    ),
    "people.person": (
        get("/admin/people/{person}" + W, ADMINISTERING),
        post("/admin/people/{person}" + W, ADMINISTERING, form={"roles": "compliance"}),
    ),
    "people.disable": (post("/admin/people/{person}/disable" + W, ADMINISTERING),),
    "people.enable": (post("/admin/people/{closed}/enable" + W, ADMINISTERING),),
    "people.invite_again": (post("/admin/people/{invited}/invite" + W, ADMINISTERING),),
    "people.leave": (post("/admin/people/{person}/leave" + W, ADMINISTERING),),
    "people.teams": (
        get("/admin/teams" + W, ADMINISTERING),
        post("/admin/teams" + W, ADMINISTERING, form={"name": "brand"}),
    ),
    "people.join_team": (post("/admin/teams/{team}/join" + W, ADMINISTERING, form={"person": "{person}"}),),
    "people.leave_team": (post("/admin/teams/{team}/leave" + W, ADMINISTERING, form={"person": "{member}"}),),
    "people.channels": (
        get("/admin/channels" + W, ADMINISTERING),
        post(
            "/admin/channels" + W,
            ADMINISTERING,
            form={"title": "Blog", "name": "blog", "network": "blog", "via": "feed"},
        ),
    ),
    "people.close_channel": (post("/admin/channels/{channel}/close" + W, ADMINISTERING),),
    "people.change_workspace": (
        get("/admin/workspace" + W, ADMINISTERING),
        post(
            "/admin/workspace" + W,
            ADMINISTERING,
            form={"title": "North", "regime": "uk", "entity_type": "bank", "zone": "Europe/London"},
        ),
    ),
    # the desk
    "desk.home": (get("/", SIGNED_IN),),
    "desk.tasks": (get("/tasks" + W, MEMBERS),),
    "desk.posts": (get("/posts" + W, MEMBERS),),
    "desk.calendar": (get("/calendar" + W, MEMBERS),),
    "desk.post": (get("/posts/{draft}", MEMBERS),),
    "desk.media": (get("/media/northwind/{media}", MEMBERS),),
    "desk.evidence": (get("/posts/{draft}/evidence/{evidence}", MEMBERS),),
    "desk.new_post": (get("/posts/new" + W, DRAFTING),),
    "desk.create_post": (post("/posts/new" + W, DRAFTING, form=TYPED),),
    "desk.preview": (post("/posts/preview" + W, DRAFTING, form=TYPED),),
    "desk.edit_post": (get("/posts/{draft}/edit", DRAFTING),),
    "desk.save_post": (post("/posts/{draft}/edit", DRAFTING, form={**TYPED, "seen": "{digest}"}),),
    "desk.copy": (post("/posts/{published}/copy", DRAFTING),),
    "desk.add_evidence": (post("/posts/{draft}/evidence", DRAFTING, form={"evidence": (PDF, "rates.pdf")}),),
    "desk.remove_evidence": (post("/posts/{draft}/evidence/{evidence}/remove", DRAFTING),),
    "desk.comment": (post("/posts/{draft}/comments", TALKING, form={"text": "Indeed."}),),
    "desk.edit_comment": (post("/posts/{draft}/comments/{comment}", DRAFTING, form={"text": "Is it so?"}),),
    "desk.delete_comment": (post("/posts/{draft}/comments/{comment}/delete", DRAFTING),),
    "desk.submit": (post("/posts/{draft}/submit", DRAFTING),),
    "desk.decide": (post("/posts/{in_review}/decide", DECIDING_FIRST, form=DECISION),),
    "desk.accept_finding": (
        post(
            "/posts/{blocked}/findings/accept",
            ANSWERING,
            form={"rule": "{rule}", "seen": "{blocked_seen}", "reason": "It is a quotation."},
        ),
    ),
    "desk.dismiss_finding": (
        post(
            "/posts/{blocked}/findings/dismiss",
            frozenset({REVIEWER, COMPLIANCE}),
            form={"rule": "{rule}", "seen": "{blocked_seen}", "reason": "It quotes a scam."},
        ),
    ),
    "desk.rule_flagged": (
        get("/rules/{alarm}/posts" + W, MEMBERS),
        get("/rules/{alarm}/posts" + W + "&only=alarms", MEMBERS),
    ),
    "desk.restore_finding": (
        post(
            "/posts/{shortened}/findings/restore",
            frozenset({REVIEWER, COMPLIANCE}),
            form={"rule": "{alarm}", "seen": "{shortened_seen}"},
        ),
    ),
    "desk.ask_exception": (
        post(
            "/posts/{blocked}/findings/ask",
            DRAFTING,
            form={"rule": "{rule}", "seen": "{blocked_seen}", "reason": "It is a quotation."},
        ),
    ),
    "desk.schedule": (
        post(
            "/posts/{approved}/schedule",
            PUBLISHING,
            form={"publish_at": "2099-11-21T09:00", "zone": "Europe/Zurich", "channels": "news"},
        ),
    ),
    "desk.publish": (post("/posts/{approved}/publish", PUBLISHING, form={"channels": "news"}),),
    "desk.withdraw": (post("/posts/{approved}/withdraw", WITHDRAWING, form={"reason": "No longer true."}),),
    # publishing
    "publishing.confirm": (
        post(
            "/posts/{needs_person}/publications/{publication}/confirm",
            PUBLISHING,
            form={"url": "https://social.example/1"},
        ),
    ),
    "publishing.release": (post("/posts/{needs_person}/publications/{publication}/release", PUBLISHING),),
    "publishing.withdraw": (post("/posts/{needs_person}/publications/{publication}/withdraw", PUBLISHING),),
    "publishing.stops": (get("/admin/stops" + W, MEMBERS),),
    "publishing.stop": (
        post("/admin/stops" + W, STOPPING, form={"scope": "workspace:northwind", "reason": "A wrong rate."}),
    ),
    "publishing.ask_resume": (post("/admin/stops/{stop}/resume", RESUMING, form={"reason": "It is settled."}),),
    "publishing.lift": (post("/admin/stops/{asked}/lift", RESUMING),),
    # rules and workflow
    "screening.rules": (get("/rules" + W, MEMBERS),),
    "screening.rule": (get("/rules/{rule}" + W, MEMBERS),),
    "screening.propose": (get("/rules/propose" + W, DEFINING),),
    "screening.send_proposal": (
        post(
            "/rules/propose" + W,
            DEFINING,
            form={"source": PACK.replace("FIRM001", "FIRM002"), "reason": "As agreed."},
        ),
    ),
    "screening.new_rule": (get("/rules/new" + W, DEFINING),),
    "screening.add_rule": (post("/rules/new" + W, DEFINING, form=RULE),),
    # A rule that ships is not changed: whoever may define is led to a copy of it.
    "screening.edit_rule": (get("/rules/{rule}/edit" + W, DEFINING),),
    "screening.change_rule": (post("/rules/{rule}/edit" + W, DEFINING, form=RULE),),
    "screening.amend_rule": (get("/rules/{rule}/amend" + W, DEFINING),),
    "screening.send_amendment": (
        post("/rules/{rule}/amend" + W, DEFINING, form={"severity": "low", "seen": "1", "reason": "As agreed."}),
    ),
    "screening.try_amendment": (post("/rules/{rule}/amend/try" + W, DEFINING, form={"severity": "low"}),),
    "screening.put_state": (
        post("/rules/{rule}/state" + W, DEFINING, form={"state": "shadow", "reason": "As agreed."}),
    ),
    "screening.try_rule": (post("/rules/try" + W, DEFINING, form=RULE),),
    "screening.import_pack": (get("/rules/import" + W, DEFINING),),
    "screening.send_pack": (
        post("/rules/import" + W, DEFINING, form={"pack": (PACK.encode(), "x.toml"), "reason": "As agreed."}),
    ),
    "screening.take_release": (post("/rules/release" + W, DEFINING, form={"reason": "The packs of this release."}),),
    "screening.version": (get("/rules/versions/1" + W, MEMBERS),),
    "screening.packs_file": (get("/rules/versions/1/packs.zip" + W, MEMBERS),),
    "screening.publish_again": (post("/rules/versions/2/again" + W, DEFINING, form={"reason": "As agreed."}),),
    "desk.sweep_posts": (post("/rules/try/posts" + W, DEFINING, form=RULE),),
    "desk.backtest": (get("/rules/proposals/{rules}/backtest" + W, DEFINING),),
    "desk.backtest_candidate": (post("/rules/backtest" + W, DEFINING, form=RULE),),
    "screening.answer": (post("/rules/proposals/{rules}" + W, DEFINING, form={"answer": "accept", "seen": "1"}),),
    "records.lookback": (get("/records/lookbacks/{lookback}" + W, AUDITING),),
    "records.answer_hit": (
        post("/records/lookbacks/{lookback}/hits/{hit}" + W, ANSWERING, form={"answer": "Corrected by a new post."}),
    ),
    "review.workflow": (get("/admin/workflow" + W, MEMBERS),),
    "review.version": (get("/admin/workflow/1" + W, MEMBERS),),
    "review.edit": (get("/admin/workflow/edit" + W, DEFINING),),
    "review.send": (post("/admin/workflow/edit" + W, DEFINING, form={"act": "add"}),),
    "review.text": (get("/admin/workflow/text" + W, DEFINING),),
    "review.send_text": (
        post(
            "/admin/workflow/text" + W,
            DEFINING,
            form={"source": to_toml(WORKFLOW).replace("peer", "only"), "reason": "As agreed."},
        ),
    ),
    "review.answer": (post("/admin/workflow/proposals/{workflow}" + W, DEFINING, form={"answer": "accept"}),),
    # the log and the records
    "audit.log": (get("/audit" + W, AUDITING), get("/audit" + W + "&log=installation", NO_ROLE)),
    "audit.entry": (
        get("/audit/northwind/0", AUDITING),
        get("/audit/northwind/{entry}", AUDITING, guest=IN),
        get("/audit/installation/0" + W, NO_ROLE),
    ),
    "audit.proof_file": (
        get("/audit/northwind/0.tlog-proof", AUDITING, READ, guest=IN),
        get("/audit/installation/0.tlog-proof" + W, NO_ROLE),
    ),
    "audit.entry_file": (
        get("/audit/northwind/0.json", AUDITING, READ),
        get("/audit/northwind/{entry}.json", AUDITING, READ, guest=IN),
        get("/audit/installation/0.json" + W, NO_ROLE),
    ),
    "audit.checkpoint": (get("/log/northwind/checkpoint", AUDITING, READ, guest=IN),),
    "audit.tile": (
        get("/log/northwind/tile/entries/000.p/1", AUDITING, READ),
        get("/log/northwind/tile/0/000.p/1", AUDITING, READ, guest=IN),
    ),
    "records.exports": (get("/records" + W, AUDITING),),
    "records.ask": (post("/records/exports" + W, AUDITING, form=PERIOD),),
    "records.export": (get("/records/exports/{export}", AUDITING),),
    "records.download": (get("/records/exports/{export}/download", AUDITING, EXPORT),),
    "records.note": (get("/records/exports/{export}/note", AUDITING, EXPORT),),
    "records.case_file": (
        get("/records/posts/{draft}", AUDITING),
        get("/records/posts/{published}", AUDITING, guest=IN),
    ),
    # The post with this image is not the one that the guest's room shows.
    "records.case_image": (get("/records/posts/{pictured}/media/{picture}", AUDITING),),
    "records.case_pages": (
        get("/records/posts/{draft}.pdf", AUDITING),
        get("/records/posts/{published}.pdf", AUDITING, guest=IN),
    ),
    "records.case_entries": (
        get("/records/posts/{draft}.jsonl", AUDITING),
        get("/records/posts/{published}.jsonl", AUDITING, guest=IN),
    ),
    "records.search": (get("/records/search" + W + "&words=hours", AUDITING),),
    "records.searches": (get("/records/searches" + W, AUDITING),),
    "records.recreated": (
        get("/records/posts/{draft}/at", AUDITING),
        get("/records/posts/{published}/at", AUDITING, guest=IN),
    ),
    "records.recreated_file": (
        get("/records/posts/{draft}/at.json", AUDITING, EXPORT),
        get("/records/posts/{published}/at.json", AUDITING, EXPORT, guest=IN),
    ),
    "records.room": (get("/records/room" + W, NO_ROLE, kept_out=404, guest=IN),),
    "records.room_search": (get("/records/room/search" + W, NO_ROLE, kept_out=404, guest=IN),),
    "records.ask_for_room": (post("/records/room/exports" + W, NO_ROLE, kept_out=404, form=PERIOD, guest=IN),),
    "records.rooms": (get("/records/rooms" + W, HOLDING),),
    "records.open_room": (post("/records/rooms" + W, HOLDING, form=ROOM),),
    "records.room_of": (get("/records/rooms/{room}", HOLDING),),
    "records.move_room_end": (post("/records/rooms/{room}/until", HOLDING, form={"ends": "{soon}"}),),
    "records.end_room": (post("/records/rooms/{room}/end", HOLDING),),
    "records.invite_to_room": (post("/records/rooms/{room}/invite", HOLDING),),
    "records.reset_factor_of_room": (post("/records/rooms/{room}/factor/reset", ADMINISTERING),),
    "records.due": (get("/records/due" + W, AUDITING),),
    "records.dispositions": (get("/records/dispositions" + W, AUDITING),),
    "records.new_disposition": (get("/records/dispositions/new" + W, HOLDING),),
    "records.propose_disposition": (
        post("/records/dispositions/new" + W, HOLDING, form={"through": "2022-01-01", "reason": "Due."}),
    ),
    "records.disposition": (get("/records/dispositions/{disposition}", AUDITING),),
    "records.answer_disposition": (
        post("/records/dispositions/{disposition}/answer", HOLDING, form={"answer": "accept"}),
    ),
    "records.disposition_certificate": (get("/records/dispositions/{disposition}/certificate", AUDITING),),
    "records.disposition_certificate_file": (get("/records/dispositions/{disposition}/certificate.json", AUDITING),),
    "records.new_erasure": (get("/records/erasures/new" + W, HOLDING),),
    "records.ask_erasure": (
        post(
            "/records/erasures/new" + W,
            HOLDING,
            form={
                "words": "Jane Doe",
                "posts": "1",
                "asked_on": "2026-11-02",
                "asked_by": "By letter.",
                "reason": "Article 17.",
            },
        ),
    ),
    "records.erasure": (get("/records/erasures/{erasure}", AUDITING),),
    "records.answer_erasure": (post("/records/erasures/{erasure}/answer", HOLDING, form={"answer": "accept"}),),
    "records.erasure_certificate_file": (get("/records/erasures/{erasure}/certificate.json", AUDITING),),
    "records.holds": (get("/records/holds" + W, AUDITING),),
    "records.place_hold": (
        post("/records/holds" + W, HOLDING, form={"matter": "Case 7", "reason": "A letter.", "product": "cd"}),
    ),
    "records.hold": (get("/records/holds/{hold}", AUDITING),),
    "records.propose_lift": (post("/records/holds/{hold}/lift", HOLDING, form={"reason": "It is settled."}),),
    "records.answer_lift": (post("/records/holds/{lifting}/answer", HOLDING, form={"answer": "accept"}),),
    "records.retention": (get("/records/retention" + W, AUDITING),),
    "records.retention_version": (get("/records/retention/1" + W, AUDITING),),
    "records.edit_retention": (get("/records/retention/edit" + W, DEFINING),),
    "records.propose_retention": (
        post("/records/retention/edit" + W, DEFINING, form=retention_typed(**{"rules-0-years": "4"})),
    ),
    "records.answer_retention": (
        post("/records/retention/proposals/{retention}" + W, DEFINING, form={"answer": "accept"}),
    ),
    "records.requests": (get("/records/requests" + W, AUDITING),),
    "records.draft_request": (post("/records/requests" + W, HOLDING, form=LETTER),),
    "records.request_list": (get("/records/requests/{letter}", AUDITING),),
    "records.add_item": (
        post("/records/requests/{letter}/items", HOLDING, form={"kind": "proof", "words": "The proof."}),
    ),
    "records.remove_item": (post("/records/requests/{letter}/items/1/remove", HOLDING),),
    "records.answer_item": (
        post("/records/requests/{letter}/items/1/file", HOLDING, form={"file": (b"Three times.", "note.txt")}),
    ),
    "records.item_file": (get("/records/requests/{letter}/items/1/file", AUDITING),),
    "records.write_request": (post("/records/requests/{letter}/write", HOLDING),),
    "records.reopen_request": (post("/records/requests/{written}/reopen", HOLDING),),
    "records.hand_over": (post("/records/requests/{written}/hand-over", HOLDING, form={"to": "J. Doe, portal"}),),
    "records.series": (get("/records/exports/parts/{series}", AUDITING),),
    "records.parts_list": (get("/records/exports/parts/{series}/list", AUDITING),),
    "records.resume_parts": (post("/records/exports/parts/{series}/resume", AUDITING),),
    "records.archives": (get("/records/archives" + W, AUDITING),),
    "records.bring": (
        post(
            "/records/archives" + W,
            HOLDING,
            form={"source": "Old tool", "file": (b'{"text": "Another."}', "old.jsonl")},
        ),
    ),
    "records.archive": (get("/records/archives/{archive}", AUDITING),),
    "records.keep_archive": (post("/records/archives/{archive}/keep", HOLDING),),
    "records.discard_archive": (post("/records/archives/{archive}/discard", HOLDING),),
    "records.archived": (get("/records/archived/{archived}", AUDITING),),
    "records.original": (get("/records/archived/{archived}/original", AUDITING),),
    "records.complaints": (get("/records/complaints" + W, AUDITING),),
    "records.new_complaint": (get("/records/complaints/new" + W, HOLDING),),
    "records.receive_complaint": (
        post(
            "/records/complaints" + W,
            HOLDING,
            form={"received_on": "2026-11-01", "way": "letter", "customer": "Hans", "about": "Hours.", "product": ""},
        ),
    ),
    "records.complaint": (get("/records/complaints/{complaint}", AUDITING),),
    "records.answer_complaint": (
        post(
            "/records/complaints/{complaint}/answer",
            HOLDING,
            form={"done": "Corrected.", "answer": "Sorry.", "answered_on": "2026-11-02"},
        ),
    ),
    "records.close_complaint": (post("/records/complaints/{answered}/close", HOLDING, form={"finding": "upheld"}),),
    "records.reopen_complaint": (post("/records/complaints/{ended}/reopen", HOLDING),),
    "records.use": (get("/records/posts/{draft}/use", MEMBERS),),
    "records.take_down": (post("/records/publications/{out}/take-down", STOPPING, form={"reason": "A wrong rate."}),),
    "records.confirm_gone": (post("/records/take-downs/{take_down}/gone", STOPPING),),
    "records.letters": (get("/records/letters" + W, AUDITING),),
    "records.one_letter": (get("/records/letters/system" + W, AUDITING),),
    "records.letter_file": (get("/records/letters/system.txt" + W, AUDITING),),
    "records.note_access": (
        post(
            "/records/access-tests" + W,
            HOLDING,
            form={"export": "{export}", "person": "Iris", "verified": "yes", "note": "On a laptop."},
        ),
    ),
    "records.verifier_source": (get("/records/verify.py", SIGNED_IN),),
    "records.verifier_page": (get("/records/verify.html", SIGNED_IN),),
    # for programs
    "api.me": (get("/api/v1/me", SIGNED_IN, READ),),
    "api.check": (post("/api/v1/check", MEMBERS, READ, json={"workspace": "northwind", "text": "Open."}),),
    "api.add_media": (post("/api/v1/media" + W, DRAFTING, DRAFT, form={"file": (a_picture("red"), "x.png")}),),
    "api.list_posts": (get("/api/v1/posts" + W, MEMBERS, READ),),
    "api.create_post": (post("/api/v1/posts", DRAFTING, DRAFT, json={"workspace": "northwind", **POST}),),
    "api.get_post": (get("/api/v1/posts/{draft}", MEMBERS, READ),),
    "api.put_post": (
        Open("PUT", "/api/v1/posts/{draft}", DRAFTING, DRAFT, json=POST, headers={"If-Match": '"{digest}"'}),
    ),
    "api.submit": (post("/api/v1/posts/{draft}/submit", DRAFTING, json={}),),
    "api.tasks": (get("/api/v1/tasks", SIGNED_IN, READ),),
    "api.decide": (post("/api/v1/posts/{in_review}/decisions", DECIDING_FIRST, json=DECISION),),
    "api.schedule": (post("/api/v1/posts/{approved}/schedule", PUBLISHING, json=TOMORROW),),
    "api.publish": (post("/api/v1/posts/{approved}/publish", PUBLISHING, json={}),),
    "api.withdraw": (post("/api/v1/posts/{approved}/withdraw", WITHDRAWING, json={"reason": "No longer true."}),),
    "api.find": (get("/api/v1/find" + W + "&q=draft", MEMBERS, READ),),
    "audit_api.entries": (get("/api/v1/audit/entries" + W, AUDITING, READ),),
    "audit_api.proof": (get("/api/v1/audit/entries/0/proof" + W, AUDITING, READ),),
    "records_api.ask": (post("/api/v1/exports", AUDITING, EXPORT, json=DAYS),),
    "records_api.show": (get("/api/v1/exports/{export}", AUDITING, EXPORT),),
}
WAYS = [(endpoint, way) for endpoint, ways in DOORS.items() for way in ways]


# -- the house -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Any) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch, a_house(tmp_path_factory.mktemp("house"), sqlite_template) as made:
        # That the examples of all rules hold is proven elsewhere; here it would be proven anew at many doors.
        patch.setattr(changing, "failures", lambda _: iter(()))
        yield made


@pytest.fixture(scope="module")
def things(house: House) -> Iterator[dict[str, Any]]:
    """Ids to fill addresses with; from here on nothing that a request does is kept."""
    found = furnish(house)
    with nothing_kept(house):
        yield found


@pytest.fixture
def outcome(house: House, things: dict[str, Any]) -> Callable[[str, Open], str | int]:
    """Say what becomes of a caller at a door: `in`, sent to `login`, or the status of the refusal."""

    def find(name: str, way: Open) -> str | int:
        answer = house.ask(name, way.method, _filled(way.address, things), **_body(way, things))
        if answer.status_code == 302 and answer.location.startswith("/login?"):
            return LOGIN
        return IN if answer.status_code < 400 else answer.status_code

    return find


def _filled(value: Any, things: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, things) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith(("/", "{", '"{')):
        return value.format_map(things)
    return value


def _body(way: Open, things: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": _form(way.form, things),
        "json": _filled(way.json, things),
        "headers": _filled(way.headers, things),
    }


def _form(form: dict[str, Any] | None, things: dict[str, Any]) -> dict[str, Any] | None:
    if form is None:
        return None
    return {
        name: (io.BytesIO(value[0]), value[1]) if isinstance(value, tuple) else _filled(value, things)
        for name, value in form.items()
    }


def expected(way: Open) -> dict[str, str | int]:
    """Say of each caller what must become of them."""
    everybody = (*ROLES, GUEST, STRANGER, NOBODY, *TOKENS)
    if way.always is not None or way.to is None:
        return dict.fromkeys(everybody, way.always or IN) | dict.fromkeys(TOKENS, way.always or way.by_token or IN)
    asked = LOGIN if way.method == "GET" and not way.address.startswith("/api/") else 401
    roles = {role: IN if way.to == SIGNED_IN or role in way.to else way.kept_out for role in ROLES}
    return {
        **roles,
        GUEST: way.guest or (IN if way.to == SIGNED_IN else 404),
        STRANGER: IN if way.to == SIGNED_IN else 404,
        NOBODY: asked,
        **{scope: IN if scope in way.tokens else 403 for scope in TOKENS},
    }


# -- the law ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "way"), WAYS, ids=[f"{w.method} {endpoint}" for endpoint, w in WAYS])
def test_a_door_opens_to_whom_the_table_names_and_to_nobody_else(endpoint, way, house, outcome):
    found = {name: outcome(name, way) for name in expected(way)}
    assert found == expected(way)


def test_the_table_names_every_route_and_none_that_is_gone(house):
    named = {(endpoint, way.method) for endpoint, way in WAYS}
    assert routes_of(house.app) == named


def test_an_address_of_the_table_leads_where_it_says(house, things):
    adapter = house.app.url_map.bind("localhost")
    for endpoint, way in WAYS:
        path = _filled(way.address, things).partition("?")[0]
        assert adapter.match(path, way.method)[0] == endpoint, (path, endpoint)


def test_control_a_route_that_nobody_thought_of_is_found(house):
    app = Flask("other")
    app.add_url_rule("/backdoor", "backdoor", methods=["DELETE"])
    assert routes_of(app) - {(endpoint, way.method) for endpoint, way in WAYS} == {("backdoor", "DELETE")}


def test_control_with_every_capability_the_examiner_would_come_in(house, outcome, monkeypatch):
    ways = [way for endpoint, way in WAYS if endpoint in ("desk.new_post", "api.schedule", "people.admin")]
    assert [outcome(EXAMINER, way) for way in ways] == [403] * 3
    everything = dict.fromkeys(Role, frozenset(Capability))
    monkeypatch.setattr(capabilities, "ROLE_CAPABILITIES", everything)
    assert [outcome(EXAMINER, way) for way in ways] == [IN] * 3


def test_what_is_elsewhere_reads_as_what_is_nowhere(house, things):
    """The stranger cannot tell a post, an export or a stop of this workspace from one that was never made."""
    nowhere = {key: 999_999 if isinstance(value, int) else value for key, value in things.items()}
    for endpoint, way in WAYS:
        if "{" in way.address and expected(way)[STRANGER] == 404 and endpoint != "people.revoke_token":
            for found in (things, nowhere):
                answer = house.ask(STRANGER, way.method, _filled(way.address, found), **_body(way, things))
                assert answer.status_code == 404, endpoint
                assert NOT_HERE in answer.text or NO_WORKSPACE in answer.text, endpoint


@pytest.mark.parametrize("name", [*ROLES, STRANGER])
def test_without_its_csrf_token_no_form_of_a_session_is_taken(name, house, things):
    client = house.callers[name].client
    cookie = {"Cookie": house.callers[name].headers["Cookie"]}
    for endpoint, way in WAYS:
        if way.method != "GET":
            house.kept.clear()
            answer = client.open(
                _filled(way.address, things), method=way.method, data={}, headers=cookie, buffered=True
            )
            assert (answer.status_code, house.kept) == (400, []), endpoint


def test_looking_leaves_nothing_behind_but_what_is_said(house, things):
    """A GET commits nothing; only a download and a search are recorded, before they are answered."""
    for endpoint, way in WAYS:
        if way.method == "GET":
            house.ask(COMPLIANCE, "GET", _filled(way.address, things))
            assert (house.kept != []) is (endpoint in ("records.download", "records.search")), endpoint


def test_each_look_of_an_examiner_with_a_room_is_recorded_and_nothing_else(house, things):
    """One page, one entry, committed before the answer; whoever is turned away was shown nothing."""
    for endpoint, way in WAYS:
        if way.method == "GET":
            answer = house.ask(GUEST, "GET", _filled(way.address, things))
            shown = answer.status_code == 200 and (way.guest == IN or way.to == SIGNED_IN)
            told = endpoint != "people.factor" and shown
            assert house.kept == ([1] if told else []), endpoint


def routes_of(app: Flask) -> set[tuple[str, str]]:
    """HEAD is answered as GET is, and OPTIONS only lists methods."""
    return {(rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()} - {
        (rule.endpoint, method) for rule in app.url_map.iter_rules() for method in ("HEAD", "OPTIONS")
    }
