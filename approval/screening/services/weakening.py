"""Which rules that block would no longer do so under other packs: told to who proposes them and to who must agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approval.rules import Severity, amended
from approval.screening.services.narrowing import narrowed
from approval.screening.services.packing import states_of
from approval.screening.services.telling import nearly_the_same
from approval.screening.services.workshop import tables_of

Table = Mapping[str, Any]
_SILENT = {"shadow": "put in the shadow", "off": "switched off"}


@dataclass(frozen=True)
class Weakened:
    """A rule that blocks and would do so no longer, or not on every post that it blocks now."""

    id: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name} ({self.id}): {self.what}"


@dataclass(frozen=True)
class Applied:
    """A rule as it is applied: with what packs say otherwise of it, and `on`, in the `shadow` or `off`."""

    table: Table
    state: str

    @property
    def blocks(self) -> bool:
        """Whether there is a post that it blocks."""
        return self.state == "on" and _gravest(self.table) == Severity.BLOCK


def weakened(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[Weakened, ...]:
    """Return each rule that blocks under *before* and is silent, gone, milder or narrower under *after*.

    It is not weakened where a new rule takes its place that finds nearly the same and blocks, too.
    """
    if before == after:
        return ()
    old, new = as_applied(before), as_applied(after)
    added = {id_: held for id_, held in new.items() if id_ not in old}
    found = ((id_, held, _what(held, new.get(id_), added)) for id_, held in sorted(old.items()) if held.blocks)
    return tuple(Weakened(id_, str(held.table["name"]), what) for id_, held, what in found if what)


def _what(old: Applied, new: Applied | None, added: Mapping[str, Applied]) -> str:
    if new is None or new.state != "on":
        gone = "gone" if new is None else _SILENT[new.state]
        near = ((id_, one) for id_, one in added.items() if one.state != "off")
        heirs = {id_: one for id_, one in near if nearly_the_same(old.table, one.table)}
        if any(one.blocks and not _less(old.table, one.table) for one in heirs.values()):
            return ""
        return " and ".join([gone, *(f"replaced by {id_}, {_told(old, one)}" for id_, one in sorted(heirs.items()))])
    if old.table["severity"] == Severity.BLOCK != new.table["severity"]:
        return f"severity block → {new.table['severity']}"
    if not new.blocks:
        return "no longer blocks on part of the posts"
    return ", ".join(_less(old.table, new.table))


def _less(old: Table, new: Table) -> list[str]:
    """How a rule that blocks still does less than it did."""
    milder = ["milder on part of the posts"] if _is_milder(old, new) else []
    return milder + narrowed(old, new)


def _told(old: Applied, heir: Applied) -> str:
    if heir.state == "shadow":
        return "which is in the shadow"
    less = _less(old.table, heir.table) if heir.blocks else []
    return ", ".join(less) or f"of severity {heir.table['severity']}"


def as_applied(packs: Mapping[str, bytes]) -> dict[str, Applied]:
    """Return every rule of these packs by its id, with the amendment and the state that any of them gives it."""
    tables = {pack: tables_of(source) for pack, source in packs.items()}
    states = states_of(packs, tables)
    amendments = {one["rule"]: one for document in tables.values() for one in document.get("amend", ())}
    rules = {rule["id"]: rule for document in tables.values() for rule in document.get("rule", ())}
    return {
        id_: Applied(amended(rule, amendments[id_]) if id_ in amendments else rule, states.get(id_, ("on", ""))[0])
        for id_, rule in rules.items()
    }


def _severities(table: Table) -> list[Severity]:
    """Every severity that the rule may have: its own, and those on part of the posts."""
    return [Severity(one["severity"]) for one in (table, *table.get("escalate", ()))]


def _gravest(table: Table) -> Severity:
    return max(_severities(table), key=lambda one: one.rank)


def _mildest(table: Table) -> Severity:
    return min(_severities(table), key=lambda one: one.rank)


def _is_milder(old: Table, new: Table) -> bool:
    """Whether a severity of *new* is below each of *old*."""
    return _mildest(new).rank < _mildest(old).rank
