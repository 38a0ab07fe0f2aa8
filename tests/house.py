"""One firm with a post in every standing, a client for everybody, and a database that keeps nothing they do.

Built once for many questions: whatever a request would commit is counted and taken back, so that each finds the same
house. What is asked of it stands in `test_routes.py` and `test_standings.py`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from doors import csrf_of, give_passwords
from factories import (
    HOST,
    Firm,
    a_decision,
    a_firm,
    a_person,
    a_post,
    a_post_in_review,
    a_workspace,
    an_approved_post,
)
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from approval import clock, db, settings as environment
from approval.app import create_app
from approval.audit.models.keys import Keys
from approval.capabilities import Actor, Role
from approval.db import reading, transaction
from approval.people import views
from approval.people.models import Person, Scope, Via
from approval.people.queries import actor_of
from approval.people.services import accounts, factors, passwords, rooms, signing, tokens
from approval.posts.models import Post, Standing
from approval.publishing import services as publishing
from approval.publishing.models import Because
from approval.publishing.services.claiming import Due, claim, give_up
from approval.publishing.services.settling import settle
from approval.publishing.services.standing import current_publications
from approval.publishing.via.contract import Ending, HandedOver, Published, RefusedBefore, Unknown
from approval.review import services as review
from approval.review.flow import Verdict
from approval.review.services import ensure_workflow
from approval.screening.services import ensure_rule_set
from approval.settings import Settings

ROLES = tuple(str(role) for role in Role)
TOKENS = tuple(str(scope) for scope in Scope)
STRANGER, NOBODY, GUEST = "stranger", "nobody", "guest"
WINDOW = timedelta(seconds=2)
"""How long the post that shall expire is approved for."""


@dataclass
class House:
    """The firm, its posts by standing, its callers by name; `kept` counts entries of each commit of a request."""

    app: Flask
    firm: Firm
    settings: Settings
    posts: dict[Standing, int]
    callers: dict[str, Caller] = field(default_factory=dict)
    kept: list[int] = field(default_factory=list)

    def ask(self, name: str, method: str, address: str, **options: Any) -> Any:
        """Send a request as *name*; `kept` then holds what it alone would have left behind."""
        self.kept.clear()
        return self.callers[name].send(method, address, **options)

    def come_in(self, name: str, actor: Actor) -> None:
        """Give *name* a browser in which *actor* is signed in."""
        with transaction() as session:
            person = session.get_one(Person, actor.id)
            secret = signing.begin(session, person, address="127.0.0.1", agent="test")
        self.callers[name] = at_the_door(self.app, f"approval={secret}")

    def give_token(self, scope: Scope, actor: Actor) -> None:
        """Make a token of *actor*, a caller under the name of its scope."""
        with transaction() as session:
            person = session.get_one(Person, actor.id)
            _, secret = tokens.create(session, person, name="test", scope=scope, by=actor.id)
        self.callers[str(scope)] = Caller(
            self.app.test_client(use_cookies=False), {"Authorization": f"Bearer {secret}"}
        )


@dataclass(frozen=True)
class Caller:
    """A client that remembers nothing, and what it says of itself with each request."""

    client: FlaskClient
    headers: dict[str, str]

    def send(self, method: str, address: str, **options: Any) -> Any:
        headers = {**self.headers, **options.pop("headers", {})}
        return self.client.open(address, method=method, headers=headers, buffered=True, **options)


@contextmanager
def a_house(folder: Path, template: Path) -> Iterator[House]:
    """Build the house in a database of its own, for a whole module."""
    path = folder / "approval.db"
    shutil.copy(template, path)
    loaded = environment.load({"APPROVAL_DATA": str(folder), "APPROVAL_SECRET_KEY": "s" * 40})
    settings = replace(
        loaded, database_url=f"sqlite:///{path}", base_url="http://localhost", lease=3600.0, settle=3600.0
    )
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr(passwords, "_hasher", cheap)
        patch.setattr(passwords, "NOBODYS", cheap.hash("nobody"))
        patch.setattr(views.entrance, "FORGOT_TAKES", 0.0)
        # That a session is in use is noted each minute; here it would be noted again with each request.
        patch.setattr(signing, "LOOK", timedelta(hours=1))
        patch.setattr(db, "_factory", db._factory)
        engine = db.connect(settings.database_url)
        firm = a_firm(Keys(settings.keys))
        app = create_app(settings)
        house = House(app, firm, settings, posts_in_every_standing(firm, settings))
        let_everybody_in(house)
        yield house
        engine.dispose()


# -- posts -----------------------------------------------------------------------------------------------------


def posts_in_every_standing(firm: Firm, settings: Settings) -> dict[Standing, int]:
    """Make a post for each standing, by the services that lead there."""
    open_the_busy_channel(firm)
    made = {Standing.EXPIRED: approved(firm, not_after=WINDOW)}
    began = time.monotonic()
    for standing, verdict in (
        (Standing.CHANGES_REQUESTED, Verdict.REQUEST_CHANGES),
        (Standing.REJECTED, Verdict.REJECT),
    ):
        with transaction() as session:
            post = a_post_in_review(session, firm, title=standing)
            a_decision(session, post, by=firm.reviewer, verdict=verdict)
            made[standing] = post.id
    with transaction() as session:
        made[Standing.DRAFT] = a_post(session, firm, title="draft").id
        made[Standing.IN_REVIEW] = a_post_in_review(session, firm, title="in review").id
        withdrawn = a_post_in_review(session, firm, title="withdrawn")
        review.withdraw(session, withdrawn, by=firm.marketer, reason="No longer true.")
        made[Standing.WITHDRAWN] = withdrawn.id
    made[Standing.APPROVED] = approved(firm)
    made[Standing.SCHEDULED] = scheduled(firm)
    made |= {standing: sent(firm, settings, ending) for standing, ending in ENDINGS.items()}
    made[Standing.PUBLISHING] = sent(firm, settings, None, channel="busy")
    made[Standing.MISSED] = missed(firm)
    time.sleep(max(0.0, WINDOW.total_seconds() - (time.monotonic() - began)))
    with transaction() as session:
        assert review.expire_due(session) == 1
    ensure_they_stand(made)
    return made


ENDINGS: dict[Standing, Ending] = {
    Standing.PUBLISHED: Published(),
    Standing.REFUSED: RefusedBefore(Because.NOT_ACCEPTED, "The receiver answered 422."),
    Standing.UNKNOWN: Unknown("No answer came."),
    Standing.NEEDS_PERSON: HandedOver(),
}


def open_the_busy_channel(firm: Firm) -> None:
    """Open a channel on which an attempt may stay on its way without holding up the others."""
    with transaction() as session:
        accounts.open_channel(
            session,
            workspace=firm.workspace,
            name="busy",
            title="Busy",
            network="mastodon",
            via=Via.FEED,
            by=HOST,
        )


def approved(firm: Firm, *, not_after: timedelta | None = None, **changes: Any) -> int:
    """A post that passed both stages."""
    with transaction() as session:
        window = {} if not_after is None else {"not_after": clock.now(session) + not_after}
        return an_approved_post(session, firm, **{"title": "approved", **window, **changes}).id


def scheduled(firm: Firm, **changes: Any) -> int:
    """A post that goes out tomorrow."""
    id_ = approved(firm, **{"title": "scheduled", **changes})
    with transaction() as session:
        post = session.get_one(Post, id_)
        tomorrow = clock.now(session) + timedelta(days=1)
        publishing.schedule(session, post, by=firm.publisher, publish_at=tomorrow, zone="Europe/Zurich")
    return id_


def sent(firm: Firm, settings: Settings, ending: Ending | None, **changes: Any) -> int:
    """A post whose one attempt ended so; None: it is still on its way."""
    id_ = approved(firm, **{"title": "sent", **changes})
    with transaction() as session:
        post = session.get_one(Post, id_)
        (publication,) = publishing.publish_now(session, post, by=firm.publisher)
        begun = claim(session, Due(publication.id, id_), settings=settings, worker="test")
    assert begun is not None
    if ending is not None:
        with transaction() as session:
            assert settle(session, begun, ending, settings=settings)
    return id_


def missed(firm: Firm) -> int:
    """A post that was due while no worker ran."""
    id_ = scheduled(firm, title="missed")
    with transaction() as session:
        post = session.get_one(Post, id_)
        (publication,) = current_publications(session, post)
        give_up(session, publication, post, Because.LATE)
    return id_


def ensure_they_stand(made: dict[Standing, int]) -> None:
    with reading() as session:
        found = {standing: session.get_one(Post, id_).standing for standing, id_ in made.items()}
    assert found == {standing: standing for standing in Standing}


# -- callers ---------------------------------------------------------------------------------------------------


def let_everybody_in(house: House) -> None:
    """Sign in somebody of each role, a second marketer, a stranger who holds every role elsewhere; make tokens of
    somebody who holds every role here, so that their scope alone limits them."""
    firm = house.firm
    with transaction() as session:
        a_workspace(session, Keys(house.settings.keys), name="southwind")
        ensure_rule_set(session, "southwind", by=HOST)
        ensure_workflow(session, "southwind", by=HOST)
        stranger = a_person(session, "stella", *Role, workspace="southwind")
        everything = a_person(session, "olga", *Role)
    guest = an_examiner_with_a_room(house)
    give_passwords()
    for name in ROLES:
        house.come_in(name, getattr(firm, name))
    house.come_in("other_marketer", firm.other_marketer)
    house.come_in(STRANGER, stranger)
    house.come_in(GUEST, guest)
    house.callers[NOBODY] = at_the_door(house.app)
    for scope in Scope:
        house.give_token(scope, everything)


def an_examiner_with_a_room(house: House) -> Actor:
    """Let somebody in from outside who sees the published post and nothing else, and give them a second factor."""
    secret = factors.new_secret()
    with transaction() as session:
        room, _ = rooms.invite(
            session,
            house.firm.workspace,
            email="greta@regulator.example",
            name="Greta",
            matter="Sweep 26-11",
            contact="Carla",
            limits=rooms.Limits(post=house.posts[Standing.PUBLISHED]),
            last_day=clock.now(session).date() + timedelta(days=60),
            by=house.firm.compliance,
            key=house.settings.secret_key,
        )
        person = session.get_one(Person, room.person)
        code = pyotp.TOTP(secret).at(clock.now(session))
        factors.enrol(session, person, secret, code=code, key=house.settings.secret_key)
        actor = actor_of(session, person.id)
    assert actor is not None
    return actor


def at_the_door(app: Flask, cookie: str = "") -> Caller:
    """Look at a page with this cookie, and keep the page session and the CSRF token that it gives."""
    client = app.test_client(use_cookies=False)
    page = client.get("/account" if cookie else "/login", headers={"Cookie": cookie})
    given = [one.partition(";")[0] for one in page.headers.getlist("Set-Cookie")]
    return Caller(client, {"Cookie": "; ".join(filter(None, (cookie, *given))), "X-CSRFToken": csrf_of(page.text)})


# -- nothing is kept -------------------------------------------------------------------------------------------


@contextmanager
def nothing_kept(house: House) -> Iterator[None]:
    """Count the entries of each commit, and roll it back instead."""
    engine = the_engine()
    dialect, commit = engine.dialect, engine.dialect.do_commit
    size = _entries(engine)

    def undo(connection: Any) -> None:
        house.kept.append(connection.execute("SELECT count(*) FROM entry").fetchone()[0] - size)
        connection.rollback()

    dialect.do_commit = undo  # type: ignore[method-assign]
    try:
        yield
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]


def the_engine() -> Engine:
    """The engine of this process's database."""
    assert db._factory is not None
    engine = db._factory.kw["bind"]
    assert isinstance(engine, Engine)
    return engine


def _entries(engine: Engine) -> int:
    with reading() as session:
        return int(session.connection().exec_driver_sql("SELECT count(*) FROM entry").scalar_one())
