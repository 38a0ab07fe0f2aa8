from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from factories import HOST, a_person, an_approved_post
from sqlalchemy import select

from approval.audit.models import Entry
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, Forbidden, IllegalStep, Invalid, NotFound
from approval.people.models import Outbox, Person
from approval.people.queries import actor_of
from approval.people.services import accounts
from approval.publishing import services
from approval.publishing.commands import COMMANDS
from approval.publishing.models import Stop, StopScope
from approval.publishing.queries import active_stops, in_flight
from approval.publishing.services.claiming import claim, next_due

(publish,) = COMMANDS


def stopped(firm, by=None) -> int:
    with transaction() as session:
        row = services.stop(
            session,
            scope=StopScope.WORKSPACE,
            workspace=firm.workspace,
            by=by or firm.compliance,
            reason="A wrong rate was published.",
        )
        return row.id


def asked(firm, id_: int, by=None) -> None:
    with transaction() as session:
        row = services.stop_for_change(session, id_)
        services.ask_resume(session, row, by=by or firm.compliance, reason="Corrected.")


def lift(id_: int, by) -> None:
    with transaction() as session:
        services.lift(session, services.stop_for_change(session, id_), by=by)


@pytest.mark.parametrize("who", ["compliance", "publisher", "administrator"])
def test_one_person_stops(firm_on_sqlite, who):
    stopped(firm_on_sqlite, getattr(firm_on_sqlite, who))
    with reading() as session:
        (held,) = active_stops(session, "northwind")
    assert held.by_name == getattr(firm_on_sqlite, who).name
    assert held.where == "the workspace northwind"


@pytest.mark.parametrize("who", ["marketer", "reviewer", "examiner"])
def test_others_do_not_stop(firm_on_sqlite, who):
    with pytest.raises(CapabilityMissing):
        stopped(firm_on_sqlite, getattr(firm_on_sqlite, who))


def test_a_stop_wants_a_reason(firm_on_sqlite):
    with pytest.raises(Invalid), transaction() as session:
        services.stop(session, scope=StopScope.EVERYTHING, by=firm_on_sqlite.compliance, reason="  ")


def test_what_is_stopped_is_not_stopped_twice(firm_on_sqlite):
    stopped(firm_on_sqlite)
    with pytest.raises(Conflict):
        stopped(firm_on_sqlite)


def test_everybody_in_the_workspace_is_told(firm_on_sqlite):
    stopped(firm_on_sqlite)
    with reading() as session:
        told = session.scalars(select(Outbox.person).where(Outbox.kind == "stopped")).all()
        people = session.scalars(select(Person.id)).all()
    assert sorted(told) == sorted(set(people) - {firm_on_sqlite.compliance.id})


def test_two_people_resume(firm):
    id_ = stopped(firm)
    asked(firm, id_)
    with pytest.raises(Forbidden):
        lift(id_, firm.compliance)
    lift(id_, firm.other_compliance)
    with reading() as session:
        assert active_stops(session) == ()
        assert session.get_one(Stop, id_).lifted_by == firm.other_compliance.id


def test_nobody_lifts_what_nobody_asked_to_resume(firm_on_sqlite):
    id_ = stopped(firm_on_sqlite)
    with pytest.raises(IllegalStep):
        lift(id_, firm_on_sqlite.other_compliance)


def test_publishers_stop_but_do_not_resume(firm_on_sqlite):
    id_ = stopped(firm_on_sqlite, firm_on_sqlite.publisher)
    with pytest.raises(CapabilityMissing):
        asked(firm_on_sqlite, id_, firm_on_sqlite.publisher)


def test_where_one_person_alone_may_resume_they_do_both(firm_on_sqlite):
    firm = firm_on_sqlite
    id_ = stopped(firm, firm.administrator)
    asked(firm, id_, firm.administrator)
    with transaction() as session:
        for other in (firm.compliance, firm.other_compliance):
            person = session.get_one(Person, other.id)
            accounts.take_role(session, person, Role.COMPLIANCE, workspace="northwind", by=HOST)
    lift(id_, firm.administrator)
    with reading() as session:
        assert active_stops(session) == ()
        alone = session.scalars(select(Entry.body).where(Entry.kind == "publishing.resumed")).one()
    assert b'"alone":true' in alone


def test_everything_is_stopped_by_who_may_everywhere(firm_on_sqlite, keys):
    firm = firm_on_sqlite
    with transaction() as session:
        accounts.create_workspace(
            session,
            name="southwind",
            title="South",
            regime="uk",
            entity_type="bank",
            zone="UTC",
            keys=keys,
            by=HOST,
        )
    with pytest.raises(CapabilityMissing, match="every workspace"), transaction() as session:
        services.stop(session, scope=StopScope.EVERYTHING, by=firm.compliance, reason="Incident.")
    with transaction() as session:
        person = session.get_one(Person, firm.compliance.id)
        accounts.give_role(session, person, Role.COMPLIANCE, workspace="southwind", by=HOST)
        session.flush()
        everywhere = actor_of(session, person.id)
        services.stop(session, scope=StopScope.EVERYTHING, by=everywhere, reason="Incident.")
    with reading() as session:
        assert [s.where for s in active_stops(session, "southwind")] == ["everything"]


def test_a_stranger_to_the_workspace_neither_stops_nor_resumes(firm_on_sqlite, keys):
    id_ = stopped(firm_on_sqlite)
    with transaction() as session:
        accounts.create_workspace(
            session,
            name="southwind",
            title="South",
            regime="uk",
            entity_type="bank",
            zone="UTC",
            keys=keys,
            by=HOST,
        )
        stranger = a_person(session, "stan", Role.COMPLIANCE, workspace="southwind")
    with pytest.raises(CapabilityMissing):
        asked(firm_on_sqlite, id_, stranger)


def test_what_is_on_its_way_is_listed(firm_on_sqlite, settings):
    with transaction() as session:
        post = an_approved_post(session, firm_on_sqlite)
        services.publish_now(session, post, by=firm_on_sqlite.publisher)
    with transaction() as session:
        claim(session, next_due(session, settings=settings), settings=settings, worker="w")
    stopped(firm_on_sqlite)
    with reading() as session:
        (flying,) = in_flight(session, "northwind")
    assert (flying.post, flying.channel, flying.worker) == (post.id, "news", "w")


# -- from the host ---------------------------------------------------------------------------------------------


def run(*args: str):
    return CliRunner().invoke(publish, args)


@pytest.mark.parametrize("scope", ["everything", "workspace:northwind", "channel:northwind/news"])
def test_the_host_stops_and_asks_and_a_person_confirms(firm_on_sqlite, scope):
    assert run("stop", "--scope", scope, "--reason", "Drill.").exit_code == 0
    assert "Drill." in run("status").stdout
    assert run("resume", "--scope", scope, "--reason", "Done.").exit_code == 0
    with reading() as session:
        (held,) = active_stops(session)
    assert re.match("host:.+", held.stopped_by) and held.resume_asked_by == held.stopped_by
    lift(held.id, firm_on_sqlite.compliance)
    assert run("status").stdout == "nothing is stopped\n"


def test_the_status_is_given_as_json_and_by_scope(firm_on_sqlite):
    stopped(firm_on_sqlite)
    answer = json.loads(run("status", "--format", "json").stdout)
    assert [s["scope"] for s in answer["stops"]] == ["workspace"]
    answer = json.loads(run("status", "--format", "json", "--scope", "everything").stdout)
    assert answer["stops"] == []


@pytest.mark.parametrize(
    "scope, refusal",
    [
        ("all", Invalid),
        ("everything:x", Invalid),
        ("workspace:", Invalid),
        ("channel:northwind", Invalid),
        ("post:x", Invalid),
        ("post:99999999999", Invalid),
        ("workspace:nowhere", NotFound),
        ("channel:northwind/nowhere", NotFound),
        ("post:77", NotFound),
    ],
)
def test_a_scope_that_names_nothing_is_refused(firm_on_sqlite, scope, refusal):
    with reading() as session, pytest.raises(refusal):
        services.scope_named(session, scope)


def test_what_is_not_stopped_is_not_resumed(firm_on_sqlite):
    answer = run("resume", "--reason", "Done.")
    assert isinstance(answer.exception, NotFound)
