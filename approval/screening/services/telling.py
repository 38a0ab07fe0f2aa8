"""What two tables of the packs say otherwise, in short sentences for the person who must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from approval.clock import day
from approval.screening.naming import KIND_NAMES, amid_words, class_name, network_name

Table = Mapping[str, Any]
_MOST_NAMED = 3
_COUNTED = {
    "match": ("pattern", "patterns"),
    "except": ("exception", "exceptions"),
    "needs": ("needed wording", "needed wordings"),
    "beside": ("pattern of the other words", "patterns of the other words"),
    "near": ("word of company", "words of company"),
    "exempt": ("wording that exempts a post", "wordings that exempt a post"),
    "pointer": ("pointing wording", "pointing wordings"),
    "flags": ("example", "examples"),
    "passes": ("near miss", "near misses"),
}
_SCOPES: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "regimes": ("regimes", str.upper),
    "classes": ("products", class_name),
    "products": ("products", amid_words),
    "not_products": ("not for", amid_words),
    "channels": ("networks", network_name),
    "audiences": ("audiences", amid_words),
    "entity_types": ("firms", amid_words),
    "languages": ("languages", str),
}
_REWORDED = {
    "message": "message reworded",
    "suggestion": "suggestion reworded",
    "why": "explanation reworded",
    "instead": "other words to write instead",
    "escalate": "other severities on part of the posts",
}
_SINGLE = {
    "severity": "severity",
    "name": "name",
    "tokens": "words between",
    "most": "allowed times",
}
_ORDERS = {"any": "in any order", "after": "only in this order", "before": "only the other way round"}
_WITHIN = {"sentence": "company in the same sentence", "post": "company anywhere in the post"}
_DATES = {"effective_from": "from", "effective_until": "until"}
_FIRST = ("severity", "escalate", "kind", "topic", "name", "match", "beside", "needs", "except", "unless", "when")
_LAST = ("message", "suggestion", "why", "citation", "flags", "passes")


def told(old: Table, new: Table) -> tuple[str, ...]:
    """Return what *new*, a rule's table, says otherwise than *old*; every key that differs is told."""
    differ = [key for key in {**old, **new} if key != "id" and old.get(key) != new.get(key)]
    middle = sorted(key for key in differ if key not in _FIRST and key not in _LAST)
    ordered = (*(key for key in _FIRST if key in differ), *middle, *(key for key in _LAST if key in differ))
    return tuple(sentence for key in ordered for sentence in _told(key, old.get(key), new.get(key)))


def told_amendment(rule: Table, old: Table, new: Table) -> tuple[str, ...]:
    """Return what an amendment of *rule* changes; *old* or *new* is empty where there was none, or is none any more."""
    first, then = (one.get("severity", rule.get("severity", "")) for one in (old, new))
    found = [f"severity {first} → {then}"] if first != then else []
    lists = {key: _apart(old.get(key, ()), new.get(key, ())) for key in ("except", "unless", "passes")}
    for words, verb in zip(lists["except"], ("added", "taken away"), strict=True):
        found += _quoted(words, verb)
    found += _frames(*lists["unless"])
    if not found:
        found += _counted("passes", *lists["passes"])
    return tuple(found)


def told_section(old: Any, new: Any) -> tuple[str, ...]:
    """Return what a section that is no rule defines otherwise, by the names in it; nothing where it names nothing."""
    before, after = _named(old), _named(new)
    parts = (
        ("new", after.keys() - before.keys()),
        ("changed", {name for name in before.keys() & after.keys() if before[name] != after[name]}),
        ("gone", before.keys() - after.keys()),
    )
    return tuple(f"{what}: {_listed(names)}" for what, names in parts if names)


def nearly_the_same(old: Table, new: Table) -> bool:
    """Say whether a rule was written from another: of the same kind and topic, with most of its patterns."""
    if any(old.get(key) != new.get(key) for key in ("kind", "topic")):
        return False
    theirs, ours = _patterns(old), _patterns(new)
    return 2 * len(theirs & ours) > len(theirs) if theirs else not ours


def _patterns(table: Table) -> set[str]:
    return {f"{key} {pattern}" for key in ("match", "beside", "needs") for pattern in table.get(key, ())}


# -- one key ---------------------------------------------------------------------------------------------------


def _told(key: str, old: Any, new: Any) -> Iterable[str]:
    if key in _REWORDED:
        return (_REWORDED[key],)
    if key in _SINGLE:
        return (f"{_SINGLE[key]} {_plain(old)} → {_plain(new)}",)
    if key in _SCOPES:
        return (_scope(key, old or (), new or ()),)
    if key in _DATES:
        return (f"{_DATES[key]} {_plain(old)} → {_DATES[key]} {_plain(new)}",)
    if key == "unless":
        return _frames(*_apart(old or (), new or ())) or ("frames in another order",)
    if key in _COUNTED:
        return _counted(key, *_apart(old or (), new or ()))
    return (_worded(key, old, new),)


def _worded(key: str, old: Any, new: Any) -> str:
    match key:
        case "kind":
            return f"kind “{KIND_NAMES.get(old, _plain(old))}” → “{KIND_NAMES.get(new, _plain(new))}”"
        case "topic":
            return f"topic {amid_words(_plain(old))} → {amid_words(_plain(new))}"
        case "order":
            return _ORDERS.get(new or "any", str(new))
        case "within":
            return _WITHIN.get(new or "sentence", str(new))
        case "citation":
            return _source(old or {}, new or {})
        case _:
            return f"“{key}” {'added' if old is None else 'taken away' if new is None else 'changed'}"


def _source(old: Table, new: Table) -> str:
    if {**old, "as_of": None} == {**new, "as_of": None}:
        return f"source checked on {_plain(new.get('as_of'))}"
    return "source changed"


def _scope(key: str, old: Iterable[str], new: Iterable[str]) -> str:
    label, name = _SCOPES[key]
    none = "none" if key == "not_products" else "all"
    before, after = (", ".join(sorted(map(name, slugs))) or none for slugs in (old, new))
    return f"{label}: {before} → {after}"


def _frames(added: Iterable[str], gone: Iterable[str]) -> list[str]:
    told = (("lets", added), ("no longer lets", gone))
    return [f"{verb} {' and '.join(map(amid_words, names))} words pass" for verb, names in told if names]


def _counted(key: str, added: list[Any], gone: list[Any]) -> list[str]:
    """Say `3 patterns more, 1 fewer`."""
    one, many = _COUNTED[key]
    if not added and not gone:
        return [f"{many} in another order"]
    numbers = [(len(found), word) for found, word in ((added, "more"), (gone, "fewer")) if found]
    first, *then = numbers
    return [
        ", ".join([f"{first[0]} {one if first[0] == 1 else many} {first[1]}", *(f"{n} {word}" for n, word in then)])
    ]


def _quoted(phrases: list[Any], verb: str) -> Iterator[str]:
    if len(phrases) > _MOST_NAMED:
        yield f"{len(phrases)} exceptions {verb}"
    elif phrases:
        noun = "exception" if len(phrases) == 1 else "exceptions"
        yield f"{noun} {', '.join(f'“{phrase}”' for phrase in phrases)} {verb}"


def _apart(old: Iterable[Any], new: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """What is only in *new*, and what is only in *old*."""
    before, after = list(old), list(new)
    return [one for one in after if one not in before], [one for one in before if one not in after]


def _named(section: Any) -> dict[str, Any]:
    if isinstance(section, Mapping):
        return dict(section)
    if isinstance(section, list):
        return {str(one["name"]): one for one in section if isinstance(one, Mapping) and "name" in one}
    return {}


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _plain(value: Any) -> str:
    return "none" if value is None else day(value) if isinstance(value, date) else str(value)
