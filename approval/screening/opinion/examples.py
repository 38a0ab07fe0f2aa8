"""What the rules flag and what they let pass, sentence by sentence: their own examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from approval.rules import Rule, RuleSet
from approval.screening.opinion.sentences import sentences


@dataclass(frozen=True)
class Examples:
    """Sentences that a rule flags, with the rule's id, and sentences of texts that must pass."""

    flagged: tuple[tuple[str, str], ...]
    passing: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """All sentences: those that are flagged, then those that pass."""
        return (*(text for _, text in self.flagged), *self.passing)


def examples_of(rules: RuleSet) -> Examples:
    """The examples of all rules that are applied and shown.

    Of an example that is flagged, only the sentences in which the rule finds something are at fault. What a rule finds
    missing stands in no sentence, so there is nothing that could resemble it.
    """
    flagged = dict.fromkeys((rule.id, text) for rule in rules.rules for text in _flagged(rules, rule))
    passing = dict.fromkeys(s.text for rule in rules.rules for example in rule.passes for s in sentences(example.text))
    return Examples(tuple(flagged), tuple(passing))


def _flagged(rules: RuleSet, rule: Rule) -> Iterator[str]:
    for example in rule.flags:
        places = [
            (found.start, found.end)
            for found in rules.check_facts(example.text, example.facts)
            if found.rule == rule.id and found.start is not None and found.end is not None
        ]
        for sentence in sentences(example.text):
            if any(start < sentence.end and sentence.start < end for start, end in places):
                yield sentence.text
