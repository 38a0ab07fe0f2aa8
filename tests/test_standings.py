"""The table of acts: what each role may do with a post in each standing, asked of the API.

Who may not do a thing at all is told so (403) wherever the post stands; who may, but not from here, is told where it
stands (409); a refused act writes nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from house import NOBODY, ROLES, STRANGER, TOKENS, House, a_house, nothing_kept

from approval.db import reading
from approval.posts.models import Post, Standing as S
from approval.publishing import services as publishing
from approval.review.queries import flow_of

AUTHOR, OTHER = "marketer", "other_marketer"
EVERYBODY = (*ROLES, OTHER)
NEW = {"title": "Hours", "texts": {"news": "From Tuesday our branch in Zug opens at ten."}}
TOMORROW = {"publish_at": "2099-11-21T09:00:00Z", "zone": "Europe/Zurich"}


@dataclass(frozen=True)
class Act:
    """One act of the contract: who may do it, from where, to where (None: where it stood), and the status then."""

    who: frozenset[str]
    to: dict[S, S | None]
    done: int = 200


def to(standing: S, *origins: S) -> dict[S, S | None]:
    return dict.fromkeys(origins, standing)


ACTS = {
    "submit": Act(frozenset({AUTHOR, OTHER}), to(S.IN_REVIEW, S.DRAFT, S.CHANGES_REQUESTED)),
    # The first of two stages asks reviewers: compliance decides, but not here.
    "decide": Act(frozenset({"reviewer"}), to(S.IN_REVIEW, S.IN_REVIEW), done=201),
    "reject": Act(frozenset({"reviewer"}), to(S.REJECTED, S.IN_REVIEW), done=201),
    "request changes": Act(frozenset({"reviewer"}), to(S.CHANGES_REQUESTED, S.IN_REVIEW), done=201),
    "schedule": Act(frozenset({"publisher"}), to(S.SCHEDULED, S.APPROVED, S.SCHEDULED, S.MISSED)),
    "publish": Act(frozenset({"publisher"}), to(S.SCHEDULED, S.APPROVED, S.SCHEDULED, S.MISSED)),
    # Marketers withdraw their own posts.
    "withdraw": Act(
        frozenset({AUTHOR, "compliance", "publisher"}),
        to(S.WITHDRAWN, S.IN_REVIEW, S.APPROVED, S.SCHEDULED, S.MISSED, S.REFUSED),
    ),
    "edit": Act(
        frozenset({AUTHOR, OTHER}),
        {S.CHANGES_REQUESTED: None} | to(S.DRAFT, S.DRAFT, S.IN_REVIEW, S.APPROVED, S.SCHEDULED),
    ),
    "copy": Act(frozenset({AUTHOR, OTHER}), dict.fromkeys(S), done=302),
}


def expected(act: str, standing: S) -> dict[str, int]:
    """Return the status that each caller gets."""
    law = ACTS[act]
    allowed = law.done if standing in law.to else 409
    statuses = {name: allowed if name in law.who else 403 for name in EVERYBODY}
    if act in DECISIONS and standing is not S.IN_REVIEW:
        # Compliance decides on posts; from here nobody does.
        statuses["compliance"] = 409
    tokens = dict.fromkeys(TOKENS, 403)
    if act == "edit" and standing in (S.DRAFT, S.CHANGES_REQUESTED):
        tokens["draft"] = 200
    return {**statuses, STRANGER: 404, NOBODY: 401, **tokens}


DECISIONS = {"decide": "approve", "reject": "reject", "request changes": "request_changes"}


# -- the house -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Any) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house"), sqlite_template) as made, nothing_kept(made):
        yield made


@dataclass(frozen=True)
class Facts:
    """What a caller knows of a post when they act."""

    id: int
    digest: str
    stage: str


@pytest.fixture
def facts(house: House) -> Callable[[S], Facts]:
    def find(standing: S) -> Facts:
        with reading() as session:
            post = session.get_one(Post, house.posts[standing])
            round_ = flow_of(session, post.id)
            stage = round_.stage_id(round_.flow.stages[0]) if round_ else "1.peer"
            return Facts(post.id, post.revision.hex(), stage)

    return find


def do(house: House, name: str, act: str, of: Facts) -> Any:
    """Send the request of an act, with a body that is right in itself."""
    address = f"/api/v1/posts/{of.id}"
    match act:
        case "edit":
            return house.ask(name, "PUT", address, json=NEW, headers={"If-Match": f'"{of.digest}"'})
        case "copy":
            return house.ask(name, "POST", f"/posts/{of.id}/copy", data={})
        case "decide" | "reject" | "request changes":
            decision = {"stage": of.stage, "seen": of.digest, "verdict": DECISIONS[act], "key": str(uuid.uuid4())}
            if act != "decide":
                decision |= {"reason": "misleading", "note": "This promises too much."}
            return house.ask(name, "POST", f"{address}/decisions", json=decision)
    body = {"schedule": TOMORROW, "withdraw": {"reason": "No longer true."}}.get(act, {})
    return house.ask(name, "POST", f"{address}/{act}", json=body)


# -- the law ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standing", S)
@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_for_its_roles_from_its_standings_and_a_refused_one_writes_nothing(act, standing, house, facts):
    of, found, written = facts(standing), {}, {}
    for name in expected(act, standing):
        found[name] = do(house, name, act, of).status_code
        written[name] = any(house.kept)
    assert found == expected(act, standing)
    assert written == {name: status < 400 for name, status in found.items()}


@pytest.mark.parametrize("act", [act for act in ACTS if act not in (*DECISIONS, "copy")])
def test_an_act_leads_where_the_table_says(act, house, facts):
    law = ACTS[act]
    for standing, there in law.to.items():
        answer = do(house, min(law.who), act, facts(standing))
        assert answer.json["standing"] == (there or standing), standing


@pytest.mark.parametrize("act", DECISIONS)
def test_a_decision_names_its_verdict(act, house, facts):
    answer = do(house, "reviewer", act, facts(S.IN_REVIEW))
    assert (answer.json["verdict"], answer.json["by"]) == (DECISIONS[act], house.firm.reviewer.id)


@pytest.mark.parametrize("standing", [s for s in S if s not in ACTS["edit"].to])
def test_a_refused_edit_names_the_legal_next_step(standing, house, facts):
    answer = do(house, AUTHOR, "edit", facts(standing))
    assert answer.mimetype == "application/problem+json"
    assert any(step in answer.json["detail"] for step in ("copy it", "wait ", "say first")), answer.json["detail"]


@pytest.mark.parametrize("standing", S)
def test_a_token_edits_what_nobody_decides_on(standing, house, facts):
    """Where the post is no draft any more, the answer is that a token may not, whatever else stands in the way."""
    of = facts(standing)
    headers = {"If-Match": f'"{of.digest}"'}
    answer = house.ask("draft", "PUT", f"/api/v1/posts/{of.id}", json=NEW, headers=headers)
    assert answer.status_code == (200 if standing in (S.DRAFT, S.CHANGES_REQUESTED) else 403)
    assert any(house.kept) is (answer.status_code == 200)


@pytest.mark.parametrize("standing", S)
def test_the_same_words_again_change_nothing_anywhere(standing, house, facts):
    of = facts(standing)
    before = house.ask(AUTHOR, "GET", f"/api/v1/posts/{of.id}").json
    same = {
        "title": before["title"],
        "texts": before["revision"]["texts"],
        "regime": before["regime"],
        "zone": before["zone"],
        "not_after": before["not_after"],
    }
    answer = house.ask(AUTHOR, "PUT", f"/api/v1/posts/{of.id}", json=same, headers={"If-Match": f'"{of.digest}"'})
    assert (answer.status_code, answer.json["standing"], any(house.kept)) == (200, standing, False)


@pytest.mark.parametrize("act", ["submit", "edit", "copy"])
def test_somebody_who_writes_here_is_told_nothing_of_another_workspace(act, house, facts):
    """The stranger holds every role elsewhere: no standing of a post tells them that it is there."""
    told = {do(house, STRANGER, act, facts(standing)).get_data() for standing in (S.DRAFT, S.PUBLISHED)}
    gone = do(house, STRANGER, act, Facts(999_999, "0" * 64, "1.peer"))
    assert gone.status_code == 404
    assert len({_without_id(body) for body in (*told, gone.get_data())}) == 1


def test_control_without_its_guard_a_refused_act_would_write(house, facts, monkeypatch):
    of = facts(S.SCHEDULED)
    assert do(house, "examiner", "schedule", of).status_code == 403
    monkeypatch.setattr(publishing.scheduling, "ensure_may_schedule", lambda by, post: None)
    assert do(house, "examiner", "schedule", of).status_code == 200
    assert any(house.kept)


def test_control_without_its_guard_a_post_would_be_scheduled_from_anywhere(house, facts, monkeypatch):
    of = facts(S.IN_REVIEW)
    assert do(house, "publisher", "schedule", of).status_code == 409
    monkeypatch.setattr(publishing.scheduling, "ensure_schedulable", lambda post: None)
    assert do(house, "publisher", "schedule", of).status_code == 200
    assert any(house.kept)


def _without_id(body: bytes) -> bytes:
    """Return a refusal without the id of its request and the number that was asked for."""
    return re.sub(rb"\b[0-9a-f]{16}\b|\b\d+\b", b"", body)
