"""Which rules a workspace goes by. They are parsed once per process."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import select

from approval.audit.models import Entry
from approval.audit.models.images import content_digest
from approval.audit.services import record
from approval.db import Session
from approval.rules import ENGINE, RuleError, RuleSet, load_packs
from approval.screening import events, queries
from approval.screening.models import RuleSetVersion
from approval.screening.queries import RuleSetFacts

UNICODE = unicodedata.unidata_version
"""The Unicode tables that rules are applied with: those of this Python."""
_CACHED_RULE_SETS = 32


@dataclass(frozen=True)
class RulesInForce:
    """The rules that a workspace goes by. *digest* covers packs, engine version and Unicode version."""

    digest: bytes
    rules: RuleSet
    number: int


_parsed: dict[bytes, RuleSet] = {}
_parsing = Lock()


def in_force(session: Session, workspace: str) -> RulesInForce:
    """Return the rules in force; NotFound where there are none, RuleError where this engine cannot read them."""
    return ready(session, queries.version_in_force(session, workspace))


def ready(session: Session, version: RuleSetFacts) -> RulesInForce:
    """Return a version of the rules, ready to judge; RuleError where this engine cannot read it."""
    rules = _parsed.get(version.digest)
    if rules is None:
        with _parsing:
            rules = _parsed.get(version.digest) or _parse(session, version)
    return RulesInForce(bytes.fromhex(rules.digest), rules, version.number)


def _parse(session: Session, version: RuleSetFacts) -> RuleSet:
    """Read a version's packs once per process; what is shipped is parsed already."""
    packs, shipped = queries.packs_of(session, version.id), load_packs()
    rules = shipped if packs == shipped.sources else RuleSet.parse(packs, checked=False)
    while len(_parsed) >= _CACHED_RULE_SETS:
        del _parsed[next(iter(_parsed))]
    _parsed[version.digest] = rules
    return rules


def rule_names(session: Session, workspace: str) -> Mapping[str, str]:
    """Return what the rules in force are called, by id; nothing where this engine cannot read them."""
    try:
        return {rule.id: rule.name for rule in in_force(session, workspace).rules.rules}
    except RuleError:
        return {}


def digest_in_force(session: Session, workspace: str) -> bytes:
    """Return the digest of the rules in force, also where this engine cannot read them."""
    return digest_of(session, queries.version_in_force(session, workspace))


def digest_of(session: Session, version: RuleSetFacts) -> bytes:
    """Return the digest that findings of *version* are stored under."""
    try:
        return ready(session, version).digest
    except RuleError:
        return version.digest


def name_digest(session: Session, workspace: str, version: RuleSetFacts, digest: bytes, *, by: str) -> None:
    """Record what *digest* is made of, where no entry says so: the packs of *version* and this engine and Unicode."""
    if digest == version.digest or digest.hex() in _named(session, workspace):
        return
    packs = session.scalars(select(RuleSetVersion.packs).where(RuleSetVersion.id == version.id)).one()
    happened = events.RuleSetApplied(
        by=by,
        workspace=workspace,
        number=version.number,
        digest=digest,
        engine=ENGINE,
        unicode=UNICODE,
        packs=content_digest(packs),
    )
    record(session, happened)


def _named(session: Session, workspace: str) -> set[str]:
    """Return the digests that such an entry names already; there is one for each upgrade, so they are few."""
    wanted = Entry.log == workspace, Entry.kind == events.RuleSetApplied.kind
    return {json.loads(body)["facts"]["digest"] for body in session.scalars(select(Entry.body).where(*wanted))}
