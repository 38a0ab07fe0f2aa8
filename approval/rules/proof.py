"""What rules must bear out before anybody relies on them: their examples, and the words that they offer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .finding import Finding
from .rule import Rule
from .ruleset import Failure, RuleSet

_OFFERED = re.compile(r"(Add|Insert|Write|Restore)\b[^“,;.]*“([^”]+)”")
"""What to put first; words quoted later, after an “or”, are another way."""
_BLANKS = re.compile(r"[\[\]{}…]|\bx%")
"""What somebody must fill in before the words can be taken."""
_INSERTING = ("Add", "Insert")


def failures(rules: RuleSet) -> Iterator[Failure]:
    """Every example that does not do what its rule says, and every suggestion that its own rule flags."""
    for rule in rules.rules:
        for examples, must_flag in ((rule.flags, True), (rule.passes, False)):
            for example in examples:
                if rules.flags(rule, example) is not must_flag:
                    yield Failure(rule.id, example.text, "be flagged" if must_flag else "pass")
        if "“" in rule.suggestion:  # no quotation, no offer
            yield from _flagged_suggestions(rules, rule)


def _flagged_suggestions(rules: RuleSet, rule: Rule) -> Iterator[Failure]:
    """A suggestion is taken in the first example that the rule flags, as the composer takes it."""
    example = rule.flags[0]
    found = next((f for f in rules.check_facts(example.text, example.facts) if f.rule == rule.id), None)
    if found is None or (offer := offered(found.suggestion)) is None:
        return
    words, inserted = offer
    text, start = _taken(example.text, found, words, inserted=inserted)
    again = rules.check_facts(text, example.facts)
    if any(f.rule == rule.id and _meets(f, start, start + len(words)) for f in again):
        yield Failure(rule.id, text, f"pass where it says “{words}”, which the rule suggests")


def offered(suggestion: str) -> tuple[str, bool] | None:
    """The words that a suggestion offers, and whether they are inserted; None where none can be taken."""
    found = _OFFERED.match(suggestion)
    return None if found is None or _BLANKS.search(found[2]) else (found[2], found[1] in _INSERTING)


def _taken(text: str, finding: Finding, words: str, *, inserted: bool) -> tuple[str, int]:
    """The text with the words in place of what was found, or at its end; and where they begin."""
    if finding.start is None or inserted:
        return f"{text}\n\n{words}", len(text) + 2
    return text[: finding.start] + words + text[finding.end :], finding.start


def _meets(finding: Finding, start: int, end: int) -> bool:
    return finding.start is not None and finding.end is not None and finding.start < end and start < finding.end
