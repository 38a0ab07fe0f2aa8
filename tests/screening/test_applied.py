"""What a digest of rules is made of stands in the log: once, before the first judgement under it."""

from __future__ import annotations

import hashlib
import json
import unicodedata

import pytest
from factories import CLEAN, a_firm, a_post
from sqlalchemy import select

from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.db import reading, transaction
from approval.rules import ENGINE, ruleset
from approval.screening.models import RuleSetVersion
from approval.screening.services import rules as rules_of

NEWER = "approval-rules/99"


@pytest.fixture
def firm(sqlite, keys):
    return a_firm(keys)


def upgrade(monkeypatch) -> None:
    """Put another engine in the place of this one: what is shipped is parsed anew as well."""
    for module in (ruleset, rules_of):
        monkeypatch.setattr(module, "ENGINE", NEWER)
    monkeypatch.setattr(rules_of, "_parsed", {})
    shipped = rules_of.load_packs()
    anew = ruleset.RuleSet.parse(shipped.sources, checked=False)
    monkeypatch.setattr(rules_of, "load_packs", lambda: anew)


def post(firm, words: str) -> None:
    with transaction() as session:
        a_post(session, firm, f"{CLEAN} {words}")


def told(kind: str) -> list[tuple[int, dict]]:
    with reading() as session:
        rows = session.execute(select(Entry.index, Entry.body).where(Entry.kind == kind).order_by(Entry.index))
        return [(index, json.loads(body)["facts"]) for index, body in rows]


def test_the_rules_that_were_shipped_state_engine_and_unicode_and_need_no_other_entry(firm):
    post(firm, "From Monday.")
    ((_, facts),) = told("rule-set.shipped")
    assert (facts["engine"], facts["unicode"]) == (ENGINE, unicodedata.unidata_version)
    assert told("rule-set.applied") == []


def test_a_newer_engine_is_named_once_before_it_first_judges(firm, monkeypatch):
    upgrade(monkeypatch)
    post(firm, "From Monday.")
    post(firm, "From Tuesday.")
    ((index, facts),) = told("rule-set.applied")
    judged = told("revision.screened")
    assert len(judged) == 2 and {said["rule_set"] for _, said in judged} == {facts["digest"]}
    assert index < judged[0][0]
    ((_, shipped),) = told("rule-set.shipped")
    assert (facts["engine"], facts["number"]) == (NEWER, shipped["number"]) and facts["digest"] != shipped["digest"]


def test_the_entry_holds_what_the_digest_is_made_of(firm, monkeypatch):
    upgrade(monkeypatch)
    post(firm, "From Monday.")
    ((_, facts),) = told("rule-set.applied")
    with reading() as session:
        packs = session.scalars(select(RuleSetVersion.packs)).one()
    lines = [f"{facts['engine']}\nunicode {facts['unicode']}\n"]
    lines += [f"{hashlib.sha256(text.encode()).hexdigest()} {name}\n" for name, text in sorted(packs.items())]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == facts["digest"]
    ((_, shipped),) = told("rule-set.shipped")
    assert hashlib.sha256("".join(lines).encode()).hexdigest() != shipped["digest"], "the control"


def test_replay_holds_over_such_an_entry(firm, monkeypatch):
    upgrade(monkeypatch)
    post(firm, "From Monday.")
    with reading() as session:
        assert list(replay(session, "northwind")) == []
