"""Versions of the packs, rule by rule: what two say otherwise, and a proposal put on rules that are newer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from approval.errors import Conflict, Problem
from approval.screening.services.packing import (
    STATES,
    with_amendment,
    with_rule,
    with_state,
    without_amendment,
    without_rule,
)
from approval.screening.services.telling import nearly_the_same, told, told_amendment, told_section
from approval.screening.services.weakening import as_applied
from approval.screening.services.workshop import tables_of

Packs = Mapping[str, bytes]
_Item = tuple[str, str]
"""A section of a pack and what it names: a rule, its state and its amendment by its id, anything else as a whole."""
_Items = Mapping[_Item, Any]
_ONE_BY_ONE = ("rule", "state", "amend")
_Tables = dict[str, Mapping[str, Any]]
_TITLES = frozenset({("rest", "title"), ("rest", "about")})
"""What a pack that is new or gone need not be told by."""
_STATED = {"shadow": "put in the shadow", "off": "switched off", None: "back in force"}
_BEGINS = {"shadow": "begins in the shadow", "off": "begins switched off"}
_AMENDED = {"new": "amended", "changed": "amended otherwise", "gone": "no longer amended"}


@dataclass(frozen=True)
class Changed:
    """One thing of a pack that two versions say otherwise. `id` is a rule's; `name` its name, or what else it is.

    `told` says in short sentences how they differ.
    """

    pack: str
    id: str
    name: str
    what: str
    told: tuple[str, ...] = ()


def changes(before: Packs, after: Packs) -> tuple[Changed, ...]:
    """Return what *after* says otherwise than *before*, rule by rule."""
    rules = _rules(before) | _rules(after)
    found = []
    for pack in sorted({*before, *after}):
        if before.get(pack) != after.get(pack):
            old, new = _items(before.get(pack)), _items(after.get(pack))
            whole = pack not in before or pack not in after
            touched = _touched(old, new) - (_TITLES if whole else frozenset())
            touched -= {("state", id_) for section, id_ in old.keys() ^ new.keys() if section == "rule"}
            found += [_changed(pack, item, old, new, rules) for item in sorted(touched)]
    return tuple(_replacing(found, before, after))


def undone(base: Packs, force: Packs, proposed: Packs) -> tuple[Changed, ...]:
    """Return what changed from *base* to *force* and would be lost if *proposed*, made from *base*, took effect."""
    rules = _rules(force) | _rules(base)
    found = []
    for pack in sorted({*base, *force, *proposed}):
        if force.get(pack) not in (base.get(pack), proposed.get(pack)):
            old, now, then = (_items(packs.get(pack)) for packs in (base, force, proposed))
            lost = _touched(old, now) & _touched(now, then)
            found += [_changed(pack, item, old, now, rules) for item in sorted(lost)]
    return tuple(found)


def merged(base: Packs, force: Packs, proposed: Packs) -> dict[str, bytes]:
    """Return the packs in force with what *proposed* changes of *base*; Conflict names what both change."""
    found: dict[str, bytes | None] = {}
    both: list[Problem] = []
    rules = _rules(force) | _rules(proposed)
    for pack in sorted({*base, *force, *proposed}):
        old, mine, theirs = base.get(pack), force.get(pack), proposed.get(pack)
        if old in (mine, theirs) or mine == theirs:
            found[pack] = mine if theirs == old else theirs
        elif mine is None or theirs is None:
            both.append(Problem(pack, "The pack is changed by the one and taken away by the other."))
        else:
            items = _items(old), _items(mine), _items(theirs)
            both += [Problem(name, _name(rules, name, f"in pack {pack}")) for _, name in _clashes(*items)]
            found[pack] = _together(mine, theirs, *items)
    if both:
        raise Conflict("The rules in force and the proposal change the same, each otherwise.", problems=tuple(both))
    return {pack: source for pack, source in found.items() if source is not None}


def _together(mine: bytes, theirs: bytes, base: _Items, force: _Items, proposed: _Items) -> bytes:
    """Write what the proposal changes into the pack in force.

    Where it changes what is no rule, it is the other way round, so that those words are kept as they are written.
    """
    text, source, wanted = mine, proposed, _touched(base, proposed)
    if any(section not in _ONE_BY_ONE for section, _ in _touched(force, proposed) & wanted):
        text, source, wanted = theirs, force, _touched(base, force)
    written = text.decode()
    for section, name in sorted(wanted):
        value = source.get((section, name))
        if section == "rule":
            written = with_rule(written, value) if value else without_rule(written, name)
        elif section == "amend":
            written = with_amendment(written, value) if value else without_amendment(written, name)
        elif section == "state":
            written = with_state(written, [name], value)
    return written.encode()


def _clashes(base: _Items, force: _Items, proposed: _Items) -> list[_Item]:
    """What both change, each otherwise; of what is no rule, also where they change different things."""
    differ = _touched(force, proposed)
    mine, theirs = _touched(base, force) & differ, _touched(base, proposed) & differ
    rest = [{item for item in side if item[0] not in _ONE_BY_ONE} for side in (mine, theirs)]
    return sorted(mine & theirs | (rest[1] if all(rest) else set()))


def _touched(before: _Items, after: _Items) -> set[_Item]:
    return {item for item in {*before, *after} if before.get(item) != after.get(item)}


def _items(source: bytes | None) -> _Items:
    document = tables_of(source or b"")
    about = document.get("pack", {})
    rest = {("rest", key): value for key, value in document.items() if key not in ("pack", "rule", "amend")}
    rest |= {("rest", key): value for key, value in about.items() if key not in STATES}
    states = {("state", id_): state for state in STATES for id_ in about.get(state, ())}
    amendments = {("amend", table["rule"]): table for table in document.get("amend", ())}
    return rest | states | amendments | {("rule", table["id"]): table for table in document.get("rule", ())}


def _rules(packs: Packs) -> _Tables:
    return {rule["id"]: rule for source in packs.values() for rule in tables_of(source).get("rule", ())}


def _name(rules: _Tables, id_: str, otherwise: str) -> str:
    return str(rules[id_]["name"]) if id_ in rules else otherwise


def _changed(pack: str, item: _Item, old: _Items, new: _Items, rules: _Tables) -> Changed:
    section, name = item
    called = _name(rules, name, name)
    before, after = old.get(item, {}), new.get(item, {})
    if section == "state":
        return Changed(pack, name, called, _STATED[new.get(item)])
    what = "new" if item not in old else "changed" if item in new else "gone"
    if section == "amend":
        return Changed(pack, name, called, _AMENDED[what], told_amendment(rules.get(name, {}), before, after))
    if section == "rule":
        begins = (_BEGINS[new["state", name]],) if what == "new" and ("state", name) in new else ()
        return Changed(pack, name, called, what, told(before, after) if what == "changed" else begins)
    return Changed(pack, "", name, what, told_section(before, after) if what == "changed" else ())


def _replacing(found: Sequence[Changed], before: Packs, after: Packs) -> Iterator[Changed]:
    """Tell a new rule and the one that it was written from, switched off at the same time, in one line."""
    new = {one.id for one in found if one.id and one.what == "new"}
    off = {one.id for one in found if one.what == _STATED["off"]} - {one.id for one in found if one.what == "changed"}
    old, now = (as_applied(before), as_applied(after)) if new and off - new else ({}, {})
    heirs: dict[str, str] = {}
    for id_ in sorted(off & old.keys()):
        near = (one for one in sorted(new - {*heirs.values()}) if nearly_the_same(old[id_].table, now[one].table))
        if heir := next(near, None):
            heirs[id_] = heir
    originals = {heir: id_ for id_, heir in heirs.items()}
    for one in found:
        if one.what == "new" and one.id in originals:
            original, table = originals[one.id], now[one.id].table
            differ = told({**old[original].table, "name": table["name"]}, table)
            yield replace(one, what=f"replaces {original}", told=(*differ, *one.told))
        elif one.what != _STATED["off"] or one.id not in heirs:
            yield one
