"""How the packs that this program ships differ from those in force, and how a firm takes them over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from approval.screening.services.packing import STATES, is_own, with_state
from approval.screening.services.workshop import tables_of


@cache
def shipped() -> Mapping[str, bytes]:
    """Return the packs that this program ships, as they are written: to compare them, nobody need parse the rules."""
    packs = files("approval.rules").joinpath("packs")
    return {
        file.name.removesuffix(".toml"): file.read_bytes() for file in packs.iterdir() if file.name.endswith(".toml")
    }


@dataclass(frozen=True)
class Release:
    """How the packs that this program ships differ from those in force, rule by rule."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


def release(sources: Mapping[str, bytes]) -> Release | None:
    """Compare the packs in force with those that ship; None where they are the same. The firm's own do not count."""
    theirs = {pack: source for pack, source in sources.items() if not is_own(pack)}
    ours = shipped()
    if theirs == ours:
        return None
    old, new = (
        {rule["id"]: rule for source in packs.values() for rule in tables_of(source).get("rule", ())}
        for packs in (theirs, ours)
    )
    return Release(
        new=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(id_ for id_ in new.keys() & old.keys() if new[id_] != old[id_])),
        gone=tuple(sorted(old.keys() - new.keys())),
    )


def with_release(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the shipped packs with the firm's own; what the firm silenced and is gone is forgotten."""
    packs = {**shipped(), **{pack: source for pack, source in sources.items() if is_own(pack)}}
    known = {rule["id"] for source in packs.values() for rule in tables_of(source).get("rule", ())}
    for pack in filter(is_own, list(packs)):
        about = tables_of(packs[pack]).get("pack", {})
        if gone := {id_ for state in STATES for id_ in about.get(state, ())} - known:
            packs[pack] = with_state(packs[pack].decode(), gone, None).encode()
    return packs
