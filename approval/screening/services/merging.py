"""Versions of the packs, rule by rule: what two say otherwise, and a proposal put on rules that are newer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approval.errors import Conflict, Problem
from approval.screening.services.packing import STATES, with_rule, with_state, without_rule
from approval.screening.services.workshop import tables_of

Packs = Mapping[str, bytes]
_Item = tuple[str, str]
"""A section of a pack and what it names: a rule by its id, its state by its id, anything else as a whole."""
_Items = Mapping[_Item, Any]
_TITLES = frozenset({("rest", "title"), ("rest", "about")})
"""What a pack that is new or gone need not be told by."""
_STATED = {"shadow": "put in the shadow", "off": "switched off", None: "back in force"}


@dataclass(frozen=True)
class Changed:
    """One thing of a pack that two versions say otherwise. `id` is a rule's; `name` its name, or what else it is."""

    pack: str
    id: str
    name: str
    what: str


def changes(before: Packs, after: Packs) -> tuple[Changed, ...]:
    """Return what *after* says otherwise than *before*, rule by rule."""
    names = _names(before) | _names(after)
    found = []
    for pack in sorted({*before, *after}):
        if before.get(pack) != after.get(pack):
            old, new = _items(before.get(pack)), _items(after.get(pack))
            whole = pack not in before or pack not in after
            told = _touched(old, new) - (_TITLES if whole else frozenset())
            found += [_changed(pack, item, old, new, names) for item in sorted(told)]
    return tuple(found)


def undone(base: Packs, force: Packs, proposed: Packs) -> tuple[Changed, ...]:
    """Return what changed from *base* to *force* and would be lost if *proposed*, made from *base*, took effect."""
    names = _names(force) | _names(base)
    found = []
    for pack in sorted({*base, *force, *proposed}):
        if force.get(pack) not in (base.get(pack), proposed.get(pack)):
            old, now, then = (_items(packs.get(pack)) for packs in (base, force, proposed))
            lost = _touched(old, now) & _touched(now, then)
            found += [_changed(pack, item, old, now, names) for item in sorted(lost)]
    return tuple(found)


def merged(base: Packs, force: Packs, proposed: Packs) -> dict[str, bytes]:
    """Return the packs in force with what *proposed* changes of *base*; Conflict names what both change."""
    found: dict[str, bytes | None] = {}
    both: list[Problem] = []
    names = _names(force) | _names(proposed)
    for pack in sorted({*base, *force, *proposed}):
        old, mine, theirs = base.get(pack), force.get(pack), proposed.get(pack)
        if old in (mine, theirs) or mine == theirs:
            found[pack] = mine if theirs == old else theirs
        elif mine is None or theirs is None:
            both.append(Problem(pack, "The pack is changed by the one and taken away by the other."))
        else:
            items = _items(old), _items(mine), _items(theirs)
            both += [Problem(name, names.get(name, f"in pack {pack}")) for _, name in _clashes(*items)]
            found[pack] = _together(mine, theirs, *items)
    if both:
        raise Conflict("The rules in force and the proposal change the same, each otherwise.", problems=tuple(both))
    return {pack: source for pack, source in found.items() if source is not None}


def _together(mine: bytes, theirs: bytes, base: _Items, force: _Items, proposed: _Items) -> bytes:
    """Write what the proposal changes into the pack in force.

    Where it changes what is no rule, it is the other way round, so that those words are kept as they are written.
    """
    text, source, wanted = mine, proposed, _touched(base, proposed)
    if any(section not in ("rule", "state") for section, _ in _touched(force, proposed) & wanted):
        text, source, wanted = theirs, force, _touched(base, force)
    written = text.decode()
    for section, name in sorted(wanted):
        if section == "rule":
            table = source.get((section, name))
            written = with_rule(written, table) if table else without_rule(written, name)
        elif section == "state":
            written = with_state(written, [name], source.get((section, name)))
    return written.encode()


def _clashes(base: _Items, force: _Items, proposed: _Items) -> list[_Item]:
    """What both change, each otherwise; of what is no rule, also where they change different things."""
    differ = _touched(force, proposed)
    mine, theirs = _touched(base, force) & differ, _touched(base, proposed) & differ
    rest = [{item for item in side if item[0] not in ("rule", "state")} for side in (mine, theirs)]
    return sorted(mine & theirs | (rest[1] if all(rest) else set()))


def _touched(before: _Items, after: _Items) -> set[_Item]:
    return {item for item in {*before, *after} if before.get(item) != after.get(item)}


def _items(source: bytes | None) -> _Items:
    document = tables_of(source or b"")
    about = document.get("pack", {})
    rest = {("rest", key): value for key, value in document.items() if key not in ("pack", "rule")}
    rest |= {("rest", key): value for key, value in about.items() if key not in STATES}
    states = {("state", id_): state for state in STATES for id_ in about.get(state, ())}
    return rest | states | {("rule", table["id"]): table for table in document.get("rule", ())}


def _names(packs: Packs) -> dict[str, str]:
    return {rule["id"]: rule["name"] for source in packs.values() for rule in tables_of(source).get("rule", ())}


def _changed(pack: str, item: _Item, old: _Items, new: _Items, names: Mapping[str, str]) -> Changed:
    section, name = item
    if section == "state":
        return Changed(pack, name, names.get(name, name), _STATED[new.get(item)])
    what = "new" if item not in old else "changed" if item in new else "gone"
    return Changed(pack, name, names[name], what) if section == "rule" else Changed(pack, "", name, what)
