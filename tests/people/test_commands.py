from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from approval.audit.models import Entry
from approval.db import reading
from approval.errors import Conflict, Invalid, NotFound
from approval.people import queries
from approval.people.commands import COMMANDS, host
from approval.people.models import Person
from approval.people.services import passwords

PASSWORD = "seven quiet herons at dawn"


@pytest.fixture
def run(firm, settings):
    def run(command, *arguments, **options):
        found = next(one for one in COMMANDS if one.name == command)
        return CliRunner().invoke(found, arguments, obj=settings, catch_exceptions=False, **options)

    return run


ADD = ("add", "noor@northwind.example", "--name", "Noor", "--role", "marketer", "--workspace", "northwind")


def test_a_person_is_added_by_the_host_user_with_a_password_from_stdin(run):
    done = run("people", *ADD, "--password-stdin", input=PASSWORD + "\n")
    assert (done.exit_code, done.stdout) == (0, "")
    with reading() as session:
        person = session.scalar(select(Person).where(Person.email == "noor@northwind.example"))
        assert passwords.matches(person.password, PASSWORD)
        assert PASSWORD not in person.password
        by = session.scalar(select(Entry.actor).where(Entry.kind == "person.added").order_by(Entry.index.desc()))
    assert by == host() and by.startswith("host:")


def test_a_person_without_a_password_is_invited(run):
    done = run("people", *ADD)
    assert done.stdout.startswith("http://localhost/invitation/")
    assert "noor@northwind.example is marketer in northwind" in done.stderr


def test_somebody_who_has_an_account_gets_the_role(run, firm):
    done = run(
        "people", "add", "maria@northwind.example", "--name", "M", "--role", "publisher", "--workspace", "northwind"
    )
    assert (done.exit_code, done.stdout) == (0, "")
    with reading() as session:
        assert len(queries.actor_of(session, firm.marketer.id).roles_in("northwind")) == 2


@pytest.mark.parametrize(
    ("arguments", "given", "refusal"),
    [
        ((*ADD[:-1], "nowhere"), "", NotFound),
        (("add", "no address", *ADD[2:]), "", Invalid),
        ((*ADD, "--password-stdin"), "short\n", Invalid),
        ((*ADD, "--password-stdin"), "", Invalid),
        (("add", "maria@northwind.example", *ADD[2:], "--password-stdin"), PASSWORD + "\n", Invalid),
        (("disable", "nobody@x.example"), "", NotFound),
        (("disable", "ada@northwind.example"), "", Conflict),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(run, arguments, given, refusal):
    def state():
        with reading() as session:
            return [(p.email, p.disabled_at) for p in session.scalars(select(Person).order_by(Person.id))]

    before = state()
    with pytest.raises(refusal):
        run("people", *arguments, input=given)
    assert state() == before


def test_usage_is_exit_code_2(run):
    assert run("people", "add", "x@y.example", "--role", "king", "--name", "x", "--workspace", "y").exit_code == 2
    assert run("token", "create", "--person", "x", "--name", "y", "--scope", "approve").exit_code == 2


def test_people_are_listed_as_text_and_json(run):
    rows = json.loads(run("people", "list", "--format", "json").stdout)
    assert {"workspace", "email", "name", "roles", "standing"} <= set(rows[0])
    assert [row["roles"] for row in rows if row["name"] == "Ada"] == [["administrator"]]
    assert len(run("people", "list", "--workspace", "northwind").stdout.splitlines()) == len(rows)
    with pytest.raises(NotFound):
        run("people", "list", "--workspace", "nowhere")


def test_an_account_is_closed(run, firm):
    run("people", "disable", "MARIA@northwind.example")
    with reading() as session:
        assert queries.actor_of(session, firm.marketer.id) is None


def test_a_token_is_printed_once(run, firm):
    secret = run(
        "token", "create", "--person", "maria@northwind.example", "--name", "import", "--scope", "draft"
    ).stdout.strip()
    with reading() as session:
        assert queries.bearer(session, secret).actor.id == firm.marketer.id
    with pytest.raises(NotFound):
        run("token", "create", "--person", "nobody@x.example", "--name", "import", "--scope", "draft")
