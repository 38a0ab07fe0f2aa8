from __future__ import annotations

import pytest
from factories import a_person, a_workspace

from approval.capabilities import Capability, Role
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, Invalid, NotFound
from approval.people import queries
from approval.people.models import Person, Team, Via, Workspace
from approval.people.services import accounts, closing

HOST = "host:test"


def row(session, actor):
    return session.get_one(Person, actor.id)


def test_nobody_closes_their_own_account(firm):
    with pytest.raises(Conflict, match="own account"), transaction() as session:
        closing.disable(session, row(session, firm.compliance), by=firm.compliance.id)


def test_the_last_administrator_stays(firm):
    with pytest.raises(Conflict, match="last administrator"), transaction() as session:
        closing.disable(session, row(session, firm.administrator), by=HOST)
    with pytest.raises(Conflict, match="last administrator"), transaction() as session:
        accounts.take_role(
            session, row(session, firm.administrator), Role.ADMINISTRATOR, workspace="northwind", by=HOST
        )

    with transaction() as session:
        accounts.give_role(session, row(session, firm.compliance), Role.ADMINISTRATOR, workspace="northwind", by=HOST)
    with transaction() as session:
        closing.disable(session, row(session, firm.administrator), by=HOST)


def test_an_account_is_closed_and_opened_once(firm):
    with pytest.raises(Conflict), transaction() as session:
        closing.enable(session, row(session, firm.marketer), by=HOST)
    with transaction() as session:
        closing.disable(session, row(session, firm.marketer), by=HOST)
    with reading() as session:
        assert queries.actor_of(session, firm.marketer.id) is None
        assert firm.marketer.id not in {a.id for a in queries.people_who(session, "northwind", Capability.DRAFT)}
    with pytest.raises(Conflict), transaction() as session:
        closing.disable(session, row(session, firm.marketer), by=HOST)
    with transaction() as session:
        closing.enable(session, row(session, firm.marketer), by=HOST)
    with reading() as session:
        assert queries.actor_of(session, firm.marketer.id).roles == firm.marketer.roles


def test_an_administrator_of_one_workspace_closes_nobody_of_another(firm, keys):
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        session.flush()
        accounts.give_role(session, row(session, firm.marketer), Role.MARKETER, workspace="southwind", by=HOST)
    with transaction() as session:
        accounts.ensure_may_close(session, row(session, firm.reviewer), by=firm.administrator)
        with pytest.raises(CapabilityMissing):
            accounts.ensure_may_close(session, row(session, firm.marketer), by=firm.administrator)


def test_a_workspace_is_changed_with_an_entry_or_not_at_all(firm):
    facts = {"title": "Northwind Bank", "regime": "uk", "entity_type": "bank", "zone": "Europe/London"}
    for changed in (True, False):
        with transaction() as session:
            workspace = session.get_one(Workspace, "northwind")
            assert accounts.change_workspace(session, workspace, **facts, by=firm.administrator.id) is changed
    for wrong in ({"regime": "mars"}, {"entity_type": "club"}, {"zone": "Nowhere/Here"}, {"title": ""}):
        with pytest.raises(Invalid), transaction() as session:
            workspace = session.get_one(Workspace, "northwind")
            accounts.change_workspace(session, workspace, **{**facts, **wrong}, by=firm.administrator.id)


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "Upper"},
        {"name": "-x"},
        {"name": "x" * 64},
        {"network": "myspace"},
        {"title": " "},
        {"url": "https://a.example", "secret": b"x"},
        {"via": Via.WEBHOOK},
    ],
    ids=lambda facts: "-".join(facts),
)
def test_a_channel_that_cannot_work_is_refused(firm, facts):
    right = {"name": "blog", "title": "Blog", "network": "blog", "via": Via.FEED}
    with pytest.raises(Invalid), transaction() as session:
        accounts.open_channel(session, workspace="northwind", by=HOST, **{**right, **facts})


def test_who_leaves_a_team_is_out_of_it(firm):
    with transaction() as session:
        team = accounts.create_team(session, workspace="northwind", name="legal", by=HOST)
        accounts.join_team(session, team, row(session, firm.reviewer), by=HOST)
    with reading() as session:
        ((_, _, people),) = ((t.id, t.name, t.people) for t in queries.teams_of(session, "northwind"))
        assert people == ((firm.reviewer.id, "Ruth"),)
    with transaction() as session:
        accounts.leave_team(session, session.get_one(Team, team.id), row(session, firm.reviewer), by=HOST)
    with pytest.raises(NotFound), transaction() as session:
        accounts.leave_team(session, session.get_one(Team, team.id), row(session, firm.reviewer), by=HOST)


@pytest.mark.parametrize("email", ["", "no address", "a@", "a@b", "@northwind.example", "x" * 300 + "@a.example"])
def test_what_is_no_address_is_refused(firm, email):
    with pytest.raises(Invalid), transaction() as session:
        accounts.add_person(session, email=email, name="N", by=HOST)


def test_an_address_belongs_to_one_account(firm):
    with pytest.raises(Conflict), transaction() as session:
        accounts.add_person(session, email="MARIA@northwind.example", name="Other", by=HOST)
    with transaction() as session:
        assert a_person(session, "noor", Role.MARKETER).email == "noor@northwind.example"
