from __future__ import annotations

from datetime import timedelta

import pytest

from approval import clock
from approval.db import reading, transaction
from approval.errors import Conflict, Invalid
from approval.people import queries
from approval.people.models import Person, Scope, Token
from approval.people.services import closing, tokens


def create(firm, **facts):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        row, secret = tokens.create(
            session, person, **{"name": "import", "scope": Scope.DRAFT, "by": person.id, **facts}
        )
        return row.id, secret


def whose(secret):
    with reading() as session:
        return queries.bearer(session, secret)


def test_a_token_is_its_person_within_its_scope_and_kept_as_a_hash(firm_everywhere):
    id_, secret = create(firm_everywhere)
    assert secret.startswith("apv_") and len(secret) == 47
    known = whose(secret)
    assert (known.actor.id, known.scope) == (firm_everywhere.marketer.id, Scope.DRAFT)
    with reading() as session:
        assert session.get_one(Token, id_).hash == tokens.hash_of(secret)
    assert whose(secret[:-1]) is None


def test_a_revoked_token_is_nobody(firm):
    id_, secret = create(firm)
    with transaction() as session:
        tokens.revoke(session, session.get_one(Token, id_), by=firm.marketer.id)
    assert whose(secret) is None
    with pytest.raises(Conflict), transaction() as session:
        tokens.revoke(session, session.get_one(Token, id_), by=firm.marketer.id)


def test_a_token_runs_out(firm, monkeypatch):
    _, secret = create(firm, days=1)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda session: now(session) + timedelta(days=1, seconds=1))
    assert whose(secret) is None


def test_the_tokens_of_a_closed_account_stay_revoked(firm):
    _, secret = create(firm)
    with transaction() as session:
        closing.disable(session, session.get_one(Person, firm.marketer.id), by="host:test")
    assert whose(secret) is None
    with pytest.raises(Conflict):
        create(firm)
    with transaction() as session:
        closing.enable(session, session.get_one(Person, firm.marketer.id), by="host:test")
    assert whose(secret) is None


@pytest.mark.parametrize("facts", [{"name": ""}, {"name": " "}, {"name": "x" * 81}, {"days": 0}, {"days": 367}])
def test_a_token_needs_a_name_and_an_end(firm, facts):
    with pytest.raises(Invalid):
        create(firm, **facts)
