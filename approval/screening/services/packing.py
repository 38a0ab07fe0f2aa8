"""The firm's own packs as text: tables in, TOML out. What is not changed keeps its words and its comments."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from itertools import pairwise
from typing import Any

from approval.errors import Conflict

FIRM_PACK = "firm"
"""The name of the firm's own pack beside the shipped ones; packs that it takes in are called `firm-…`."""
STATES = ("shadow", "off")
_NEW = '[pack]\ntitle = "Our own rules"\nabout = "What our policies add to the shipped packs."\n'
_ORDER = (
    *("id", "name", "kind", "topic", "severity", "match", "except", "unless", "instead", "needs", "beside", "tokens"),
    *("order", "most", "count", "regimes", "classes", "products", "channels", "audiences"),
)
_LAST = ("message", "why", "citation", "suggestion", "flags", "passes")
_HEADER = re.compile(
    r"^[ \t]*\[{1,2}(pack|words|lexicon|fold|frame|amount|rule|amend)\]{1,2}[ \t]*(?:#.*)?$", re.MULTILINE
)
_ARRAYS = ("rule", "amend")
_COMMENTS = re.compile(r"\n(?:[ \t]*(?:#[^\n]*)?\n)*\Z")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ID = re.compile(r"FIRM(\d{3})")


def is_own(pack: str) -> bool:
    """Say whether a pack is the firm's own, and not one that ships."""
    return pack == FIRM_PACK or pack.startswith(f"{FIRM_PACK}-")


def next_id(sources: Iterable[str]) -> str:
    """Return the id after all that these texts name: an id is never reused, also of a rule that is gone."""
    used = max((int(number) for source in sources for number in _ID.findall(source)), default=0)
    if used >= 999:
        raise Conflict("The ids FIRM001 to FIRM999 are used up: write the rule as TOML, with an id of your own.")
    return f"FIRM{used + 1:03}"


# -- changing --------------------------------------------------------------------------------------------------


def with_rule(source: str, table: Mapping[str, Any]) -> str:
    """Return the pack with this rule in the place of the one with its id, or at the end."""
    return _with(source, "rule", "id", table)


def without_rule(source: str, id_: str) -> str:
    """Return the pack without the rule of this id."""
    return _without(source, "rule", "id", id_)


def with_amendment(source: str, table: Mapping[str, Any]) -> str:
    """Return the pack with this amendment in the place of the one of the same rule, or at the end."""
    return _with(source, "amend", "rule", table)


def without_amendment(source: str, rule: str) -> str:
    """Return the pack without its amendment of this rule."""
    return _without(source, "amend", "rule", rule)


def _with(source: str, section: str, key: str, table: Mapping[str, Any]) -> str:
    source = source or _NEW
    document = tomllib.loads(source)
    tables = list(document.get(section, []))
    at = next((n for n, one in enumerate(tables) if one.get(key) == table[key]), len(tables))
    tables[at : at + 1] = [dict(table)]
    return _changed(source, {**document, section: tables}, section, at)


def _without(source: str, section: str, key: str, named: str) -> str:
    document = tomllib.loads(source)
    tables = document.get(section, [])
    at = next((n for n, one in enumerate(tables) if one.get(key) == named), None)
    if at is None:
        return source
    kept = {name: value for name, value in document.items() if name != section}
    left = [*tables[:at], *tables[at + 1 :]]
    return _changed(source, {**kept, section: left} if left else kept, section, at, gone=True)


def with_state(source: str, ids: Iterable[str], state: str | None) -> str:
    """Return the pack with these rules in the shadow, off, or (None) neither."""
    source = source or _NEW
    document = tomllib.loads(source)
    about, ids = dict(document.get("pack", {})), frozenset(ids)
    for name in STATES:
        kept = frozenset(about.pop(name, ())) - ids | (ids if name == state else frozenset())
        if kept:
            about[name] = sorted(kept)
    return _changed(source, {**document, "pack": about}, "pack", 0)


def states_of(sources: Mapping[str, bytes], tables: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return the rules that are in the shadow or off: id to state and the pack that says so; `off` goes before."""
    found: dict[str, tuple[str, str]] = {}
    for state in STATES:
        for pack in sorted(sources):
            found |= dict.fromkeys(tables[pack].get("pack", {}).get(state, ()), (state, pack))
    return found


def _changed(source: str, wanted: Mapping[str, Any], section: str, number: int, *, gone: bool = False) -> str:
    """Write one section anew, or leave it out, and keep the text of the others; where that fails, write all anew."""
    starts = [*(found.start() for found in _HEADER.finditer(source)), len(source)]
    chunks = [source[start:end] for start, end in pairwise(starts)]
    mine = [n for n, chunk in enumerate(chunks) if (_HEADER.match(chunk) or [""])[1] == section]
    text = "" if gone else _written(wanted, section, number)
    if number < len(mine):
        comments = _COMMENTS.search(chunks[mine[number]])
        after = comments[0][1:] if comments else ""
        chunks[mine[number]] = after.lstrip("\n") if gone else text + after
    elif section in _ARRAYS:
        chunks.append(("" if not chunks or chunks[-1].endswith("\n\n") else "\n") + text)
    else:
        chunks.insert(0, text + "\n")
    kept = source[: starts[0]] + "".join(chunks)
    try:
        return kept if tomllib.loads(kept) == wanted else to_toml(wanted)
    except tomllib.TOMLDecodeError:
        return to_toml(wanted)


def _written(wanted: Mapping[str, Any], section: str, number: int) -> str:
    if section in _ARRAYS:
        return _section(f"[[{section}]]", wanted[section][number])
    return _section(f"[{section}]", wanted[section])


# -- writing ---------------------------------------------------------------------------------------------------


def in_order(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule's table with its keys in the order in which the packs write them."""
    middle = [key for key in table if key not in _ORDER and key not in _LAST]
    return {key: table[key] for key in (*_ORDER, *middle, *_LAST) if key in table}


def to_toml(document: Mapping[str, Any]) -> str:
    """Write a document as TOML 1.0: the same tables always in the same words."""
    plain = {key: value for key, value in document.items() if not isinstance(value, Mapping) and not _are_tables(value)}
    blocks = [_lines(plain)] if plain else []
    for key, value in document.items():
        if isinstance(value, Mapping):
            blocks.append(_section(f"[{_key(key)}]", value))
        elif _are_tables(value):
            blocks += [_section(f"[[{_key(key)}]]", table) for table in value]
    return "\n".join(blocks)


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _section(header: str, table: Mapping[str, Any]) -> str:
    return f"{header}\n{_lines(table)}"


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_listed(value)}\n" for key, value in table.items())


def _listed(value: Any) -> str:
    """Write a value; of a list of several, each on a line of its own, so that a difference shows what changed."""
    if not isinstance(value, list) or len(value) < 2:
        return _value(value)
    return "[\n" + "".join(f"  {_value(item)},\n" for item in value) + "]"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case date() | time():
            return value.isoformat()
        case Mapping():
            inner = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case Sequence():
            return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _text(text: str) -> str:
    if "\\" in text and "'" not in text and not _CONTROL.search(text):
        return f"'{text}'"
    # A JSON string is a basic string of TOML, but for DEL, which TOML wants escaped (TOML 1.0, “String”).
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007f")
