"""More rules than ship, or fewer, for measuring what their number costs.

A further rule is a shipped one whose words are pseudo-words, each copy with its own; the commonest words, shared word
lists, gaps, frames and scope stay. A pattern that is made of lists alone cannot be reworded, and a rule with one is
not copied. A copy is searched for as its model is, and often in vain after a shared list has let it in; it finds next
to nothing, so that what grows is the number of rules and not that of findings.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import Any

from approval.rules import RuleSet
from approval.screening.services.packing import to_toml

SEED = 20261121
_PATTERNS = frozenset(
    {"match", "except", "near", "beside", "needs", "items", "pointer", "exempt", "rival", "basis", "wants"}
)
_EXAMPLES = frozenset({"flags", "passes"})
# A word, or else an escape, the name of a word list, or a class of letters, which stay.
_PIECE = re.compile(r"\\[xpP]\{\w+\}|\\.|<[a-z0-9-]+>|\[(?:\\.|[^\]])*\]|([a-z]{2,})")
_COMMON = re.compile(r"an|and|are|as|at|be|by|for|from|in|is|it|of|on|or|our|that|the|this|to|we|will|with|you|your")
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]

Table = Mapping[str, Any]


def fewer(rules: RuleSet, number: int) -> RuleSet:
    """So many of the rules, drawn with a fixed seed."""
    kept = set(random.Random(SEED).sample([rule.id for rule in rules.rules], number))
    packs = {}
    for name, source in rules.sources.items():
        document = tomllib.loads(source.decode())
        document["rule"] = [table for table in document.get("rule", ()) if table["id"] in kept]
        packs[name] = to_toml({key: value for key, value in document.items() if value}).encode()
    return RuleSet.parse(packs, checked=False)


def more(rules: RuleSet, number: int) -> RuleSet:
    """The rules and reworded ones, so many in all."""
    tables = list(islice(_reworded(rules), number - len(rules.rules)))
    return RuleSet.parse({**rules.sources, "reworded": to_toml({"rule": tables}).encode()}, checked=False)


def _reworded(rules: RuleSet) -> Iterator[dict[str, Any]]:
    models = [
        table
        for source in rules.sources.values()
        for table in tomllib.loads(source.decode()).get("rule", ())
        if all(_other(pattern, 0) != pattern for pattern in table.get("match", [""]))
    ]
    numbers = count()
    for copy in count(2):
        for model in models:
            number = next(numbers)
            named = {"id": f"Z{chr(ord('A') + number // 1000)}{number % 1000:03}", "name": f"{model['name']}-{copy}"}
            yield {**{key: _changed(key, value, copy) for key, value in model.items()}, **named}


def _changed(key: str, value: Any, copy: int) -> Any:
    if key in _EXAMPLES:
        return [
            {**each, "text": _other(each["text"], copy)} if isinstance(each, dict) else _other(each, copy)
            for each in value
        ]
    if key not in _PATTERNS:
        return value
    if isinstance(value, dict):
        return {name: [_other(pattern, copy) for pattern in patterns] for name, patterns in value.items()}
    return [_other(pattern, copy) for pattern in value]


def _other(text: str, copy: int) -> str:
    """The text with its words changed, the same word always into the same one."""

    def put(found: re.Match[str]) -> str:
        word = found[1]
        return _pseudo(word, copy) if word and not _COMMON.fullmatch(word) else found[0]

    return _PIECE.sub(put, text)


def _pseudo(word: str, copy: int) -> str:
    dice = random.Random(f"{copy} {word}")
    return "".join(dice.choices(_SYLLABLES, k=2 + len(word) // 4))
