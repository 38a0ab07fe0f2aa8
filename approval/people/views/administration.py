"""The administration of a workspace: its people, its teams, itself."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from approval.capabilities import Capability, Role
from approval.db import Session, reading, transaction
from approval.errors import Invalid, NotFound, Refusal
from approval.people import queries
from approval.people.forms import REGIME_NAMES, FactorRolesForm, InviteForm, RolesForm, TeamForm, WorkspaceForm
from approval.people.models import LinkKind, Membership, Person, Team, Workspace
from approval.people.queries.factors import FactorFacts, factor as factor_of, roles_asked
from approval.people.services import accounts, closing, links
from approval.people.views.knowing import shown_once
from approval.people.views.missing import Lack, missing
from approval.people.views.setting_up import handed_over
from approval.web.identity import current, hooks, origin, require, workspace

administering = require(Capability.ADMINISTER)


@dataclass(frozen=True)
class AdminPage:
    """What an administrator has to look after."""

    workspace: queries.WorkspaceFacts
    regime: str
    people: int
    invited: int
    teams: int
    channels: int
    unsent: int
    lacking: tuple[Lack, ...]


@dataclass(frozen=True)
class PeoplePage:
    """The people of a workspace."""

    workspace: queries.WorkspaceFacts
    people: tuple[queries.Member, ...]
    form: InviteForm
    mails: bool
    me: str


@dataclass(frozen=True)
class PersonPage:
    """One person of a workspace, to change their roles."""

    workspace: queries.WorkspaceFacts
    person: queries.Member
    form: RolesForm
    factor: FactorFacts | None


@dataclass(frozen=True)
class TeamsPage:
    """The teams of a workspace."""

    workspace: queries.WorkspaceFacts
    teams: tuple[queries.TeamFacts, ...]
    people: tuple[queries.Member, ...]
    form: TeamForm


@dataclass(frozen=True)
class WorkspacePage:
    """A workspace, to change it."""

    workspace: queries.WorkspaceFacts
    form: WorkspaceForm
    zones: tuple[str, ...]
    factor: FactorRolesForm


def add_to(blueprint: Blueprint) -> None:
    """Add these pages."""
    for rule, view, methods in (
        ("/admin", admin, ["GET"]),
        ("/admin/people", people, ["GET", "POST"]),
        ("/admin/people/<id_>", person, ["GET", "POST"]),
        ("/admin/people/<id_>/disable", disable, ["POST"]),
        ("/admin/people/<id_>/enable", enable, ["POST"]),
        ("/admin/people/<id_>/invite", invite_again, ["POST"]),
        ("/admin/people/<id_>/leave", leave, ["POST"]),
        ("/admin/teams", teams, ["GET", "POST"]),
        ("/admin/teams/<int:team>/join", join_team, ["POST"]),
        ("/admin/teams/<int:team>/leave", leave_team, ["POST"]),
        ("/admin/workspace", change_workspace, ["GET", "POST"]),
    ):
        blueprint.add_url_rule(rule, view_func=view, methods=methods)


# -- overview ----------------------------------------------------------------------------------------------------


@administering
def admin() -> str:
    """Show what an administrator has to look after."""
    name = workspace()
    with reading() as session:
        members = queries.people_of(session, name)
        facts = queries.workspace_facts(session, name)
        channels = sum(not channel.closed for channel in queries.channels(session, name))
        page = AdminPage(
            workspace=facts,
            regime=REGIME_NAMES.get(facts.regime, facts.regime),
            people=sum(member.standing != "closed" for member in members),
            invited=sum(member.standing == "invited" for member in members),
            teams=len(queries.teams(session, name)),
            channels=channels,
            unsent=queries.unsent(session, name),
            lacking=tuple(missing(name, members, channels)),
        )
    return render_template("people/admin.html", page=page)


# -- people ------------------------------------------------------------------------------------------------------


@administering
def people() -> AnyResponse | tuple[str, int] | str:
    """List the people of the workspace; invite another."""
    form = InviteForm()
    if request.method == "GET":
        return _people(form)
    if form.validate():
        try:
            return _invited(form)
        except Refusal as refusal:
            form.refused(refusal)
    return _people(form), 422


def _people(form: InviteForm) -> str:
    name = workspace()
    with reading() as session:
        page = PeoplePage(
            workspace=queries.workspace_facts(session, name),
            people=queries.people_of(session, name),
            form=form,
            mails=hooks().settings.smtp_url is not None,
            me=current().id,
        )
    return render_template("people/people.html", page=page)


def _invited(form: InviteForm) -> AnyResponse:
    name, me = workspace(), current()
    secret = None
    with transaction(origin()) as session:
        found = accounts.person_with(session, form.email.data)
        if found is None:
            found = accounts.add_person(session, email=form.email.data, name=form.name.data, by=me.id)
            session.flush()
            secret = _send(session, found)
        for role in form.roles.data:
            accounts.give_role(session, found, Role(role), workspace=name, by=me.id)
        shown_name = found.name
    return _answer_invitation(shown_name, secret)


def _send(session: Session, invited: Person) -> str:
    return links.send_link(session, invited, LinkKind.INVITATION, by=current().id, key=hooks().settings.secret_key)


def _answer_invitation(name: str, secret: str | None) -> AnyResponse:
    back = url_for("people.people", workspace=workspace())
    if secret is not None and hooks().settings.smtp_url is None:
        return shown_once(handed_over(name, secret, back))
    flash(
        f"{name} is invited by e-mail." if secret else f"{name} has an account already, and the roles now.", "success"
    )
    return redirect(back)


@administering
def person(id_: str) -> AnyResponse | tuple[str, int] | str:
    """Change the roles of a person."""
    name = workspace()
    with reading() as session:
        facts = queries.workspace_facts(session, name)
        member = _member(session, id_)
        factor = factor_of(session, id_)
    form = RolesForm(data={"roles": [str(role) for role in member.roles]})
    page = PersonPage(facts, member, form, factor)
    if request.method == "GET":
        return render_template("people/person.html", page=page)
    if form.validate():
        try:
            _set_roles(id_, {Role(role) for role in form.roles.data})
        except Refusal as refusal:
            form.refused(refusal)
        else:
            flash(f"The roles of {member.name} are changed.", "success")
            return redirect(url_for("people.people", workspace=name))
    return render_template("people/person.html", page=page), 422


def _set_roles(id_: str, wanted: set[Role]) -> None:
    name, me = workspace(), current()
    with transaction(origin()) as session:
        row = member_row(session, id_)
        held = set(_member(session, id_).roles)
        for role in sorted(wanted - held):
            accounts.give_role(session, row, role, workspace=name, by=me.id)
        for role in sorted(held - wanted):
            accounts.take_role(session, row, role, workspace=name, by=me.id)


@administering
def leave(id_: str) -> AnyResponse:
    """Take every role in this workspace away from a person, and their teams with them."""
    name, me = workspace(), current()
    with transaction(origin()) as session:
        row = member_row(session, id_)
        member = _member(session, id_)
        for team in queries.teams_of(session, name):
            if any(row.id == joined for joined, _ in team.people):
                accounts.leave_team(session, session.get_one(Team, team.id), row, by=me.id)
        for role in member.roles:
            accounts.take_role(session, row, role, workspace=name, by=me.id)
    flash(f"{member.name} has no role here any more.", "success")
    return redirect(url_for("people.people", workspace=name))


@administering
def disable(id_: str) -> AnyResponse:
    """Close an account."""
    with transaction(origin()) as session:
        row = member_row(session, id_)
        accounts.ensure_may_close(session, row, by=current())
        closing.disable(session, row, by=current().id)
    flash(f"The account of {row.name} is closed; its sessions have ended.", "success")
    return redirect(url_for("people.people", workspace=workspace()))


@administering
def enable(id_: str) -> AnyResponse:
    """Open a closed account."""
    with transaction(origin()) as session:
        row = member_row(session, id_)
        accounts.ensure_may_close(session, row, by=current())
        closing.enable(session, row, by=current().id)
    flash(f"The account of {row.name} is open again.", "success")
    return redirect(url_for("people.people", workspace=workspace()))


@administering
def invite_again(id_: str) -> AnyResponse:
    """Send a new invitation; the one before becomes void."""
    with transaction(origin()) as session:
        row = member_row(session, id_)
        accounts.ensure_may_close(session, row, by=current())
        if row.password is not None or row.disabled_at is not None:
            raise NotFound(f"{row.name} waits for no invitation.")
        secret = _send(session, row)
    return _answer_invitation(row.name, secret)


def member_row(session: Session, id_: str) -> Person:
    """Return the row of somebody with a role here; strangers do not exist."""
    row = session.get(Person, id_)
    held = [session.get(Membership, (workspace(), id_, role)) for role in Role]
    if row is None or not any(held):
        raise NotFound("There is no such person in this workspace.")
    return row


def _member(session: Session, id_: str) -> queries.Member:
    for member in queries.people_of(session, workspace()):
        if member.id == id_:
            return member
    raise NotFound("There is no such person in this workspace.")


# -- teams -------------------------------------------------------------------------------------------------------


@administering
def teams() -> AnyResponse | tuple[str, int] | str:
    """List the teams; make another."""
    name, form = workspace(), TeamForm()
    if request.method == "POST" and form.validate():
        try:
            with transaction(origin()) as session:
                accounts.create_team(session, workspace=name, name=form.name.data, by=current().id)
        except Refusal as refusal:
            form.refused(refusal)
        else:
            flash(f"The team {form.name.data} is made.", "success")
            return redirect(url_for("people.teams", workspace=name))
    with reading() as session:
        members = tuple(member for member in queries.people_of(session, name) if member.standing != "closed")
        page = TeamsPage(queries.workspace_facts(session, name), queries.teams_of(session, name), members, form)
    answer = render_template("people/teams.html", page=page)
    return answer if request.method == "GET" else (answer, 422)


@administering
def join_team(team: int) -> AnyResponse:
    """Add a person to a team."""
    with transaction(origin()) as session:
        row = member_row(session, request.form.get("person", ""))
        accounts.join_team(session, _team(session, team), row, by=current().id)
    flash(f"{row.name} is in the team.", "success")
    return redirect(url_for("people.teams", workspace=workspace()))


@administering
def leave_team(team: int) -> AnyResponse:
    """Remove a person from a team."""
    with transaction(origin()) as session:
        row = session.get(Person, request.form.get("person", ""))
        if row is None:
            raise NotFound("There is no such person in this team.")
        accounts.leave_team(session, _team(session, team), row, by=current().id)
    flash(f"{row.name} has left the team.", "success")
    return redirect(url_for("people.teams", workspace=workspace()))


def _team(session: Session, id_: int) -> Team:
    team = session.get(Team, id_)
    if team is None or team.workspace != workspace():
        raise NotFound("There is no such team in this workspace.")
    return team


# -- the workspace -----------------------------------------------------------------------------------------------


@administering
def change_workspace() -> AnyResponse | tuple[str, int] | str:
    """Change title, regime, entity type and zone."""
    name = workspace()
    with reading() as session:
        facts = queries.workspace_facts(session, name)
        asked = roles_asked(session, name)
    form = WorkspaceForm(data=vars(facts))
    factor = FactorRolesForm(formdata=None, data={"roles": [str(role) for role in asked]})
    page = WorkspacePage(facts, form, tuple(sorted(available_timezones())), factor)
    if request.method == "GET":
        return render_template("people/workspace.html", page=page)
    if form.validate():
        wanted = {field: form[field].data for field in ("title", "regime", "entity_type", "zone")}
        try:
            with transaction(origin()) as session:
                row = session.get_one(Workspace, name)
                changed = accounts.change_workspace(session, row, **wanted, by=current().id)
        except Invalid as refusal:
            form.refused(refusal)
        else:
            flash("The workspace is changed." if changed else "Nothing differed.", "success")
            return redirect(url_for("people.admin", workspace=name))
    return render_template("people/workspace.html", page=page), 422
