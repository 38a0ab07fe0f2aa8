"""The proofs have teeth: each part of the engine, when it is switched off, makes an example of a shipped pack fail.

Where the examples of the packs cannot tell (they ask which rule speaks, not how loud and how often), a few posts do.
`test_proof` is the control: with nothing switched off, none fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rules.composing import RULES

from approval.rules import claim, failures, fold, ruleset, text
from approval.rules.claim import Claim, Frame
from approval.rules.gate import Gate
from approval.rules.kinds import comparison, figure, pii, require, testimonial
from approval.rules.pattern import NOTHING, Phrases
from approval.rules.rule import Rule
from approval.rules.scope import Scope
from approval.rules.text import Reading
from approval.rules.vocabulary import Amount


def always(value: object) -> Callable[..., Any]:
    return lambda *_, **__: value


def held(value: object) -> property:
    """What an object holds, whatever it was given."""
    return property(always(value), always(None))


Mutant = tuple[object, str, object]

BY_EXAMPLES: dict[str, Mutant] = {
    "the gate lets nothing through": (Gate, "occurring", always(0)),
    "exceptions are ignored": (claim, "meets", always(False)),
    "frames never hold": (Frame, "holds", always(False)),
    "frames always hold": (Frame, "holds", always(True)),
    "a frame has no reach": (Frame, "reach", held(0)),
    "a frame sees no neighbours": (Frame, "neighbours", held(False)),
    "company is not asked for": (Claim, "_near", held(NOTHING)),
    "company may stand anywhere": (Claim, "_within", held("post")),
    "the edges of words are not looked at": (Phrases, "_counts", always(True)),
    "a text is one sentence": (Reading, "sentence", lambda self, *_: (0, len(self.plain))),
    "every rule holds everywhere": (Scope, "covers", always(True)),
    "every rule holds on every day": (Scope, "_in_force", always(True)),
    "an amount never changes": (Amount, "on", lambda self, day: self.values[0][1]),
    "a figure is not read": (figure, "value_of", always(None)),
    "nothing is cut by a network": (require.Require, "_folds", held({})),
    "nobody is exempt": (require.Require, "_exempt", held(NOTHING)),
    "a pointer does not content": (require.Require, "_pointer", held(NOTHING)),
    "no item is needed": (require.Require, "_items", held({})),
    "any prescribed text is there": (require, "_essence", always(b"")),
    "a rule waits for no topic": (require.Require, "after", held(frozenset())),
    "a comparison needs no basis": (comparison.Comparison, "_basis", held({})),
    "a quotation needs no disclosure": (testimonial.Testimonial, "_items", held({})),
    "check digits are not checked": (pii.luhn, "is_valid", always(True)),
    "characters are not folded": (text, "_folded", lambda view: view),
    "letters set apart stay apart": (text, "_splits", always(())),
    "tags stay whole": (text, "_tags", always(())),
    "masked, stretched and broken words stay": (text, "_words", always(())),
    "symbols stay": (text, "_unmasked", always(())),
}


@pytest.mark.parametrize(("owner", "name", "mutant"), BY_EXAMPLES.values(), ids=BY_EXAMPLES.keys())
def test_an_example_of_a_pack_fails_when(
    owner: object, name: str, mutant: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, mutant, raising=not isinstance(mutant, property))
    assert next(failures(RULES), None) is not None


FACTS = {"regime": "au", "product": "superannuation"}
BY_POSTS: dict[str, tuple[Mutant, str]] = {
    "what breaks a frame is ignored": (
        (Frame, "broken_by", held(NOTHING)),
        "No one offers guaranteed returns, but we.",
    ),
    "a quotation is none": (
        (Reading, "is_quoted", always(False)),
        "“Guaranteed returns!” So? Well. A scam.",
    ),
    "entities and tags stay": ((text, "_markup", always(())), "&#103;uaranteed returns"),
    "look-alikes stay": ((fold, "unmix", lambda same: same), "guаranteed returns"),
    "thin blanks are blanks": ((text, "_thin", always(())), "guaran\u2009teed returns"),
    "misspelt words stay": ((text, "_mended", always(None)), "garanteed returns"),
    "halves of words stay": ((text, "_are_one", always(False)), "guaran teed returns"),
    "lines are not joined": ((text, "_joined_line", lambda found: found.group()), "Our guaranteed\nreturns"),
    "no post makes a rule graver": (
        (Rule, "severity_for", lambda self, _: self.severity),
        "Roll your old accounts in today.",
    ),
    "of what overlaps all is shown": (
        (ruleset, "_distinct", lambda found, _: found),
        "Guaranteed returns, a guaranteed 8%.",
    ),
    "the places of a rule are not counted": ((ruleset, "MOST_PLACES", 1), "Risk-free bonds. Risk-free stocks."),
}


@pytest.mark.parametrize(("mutant", "post"), BY_POSTS.values(), ids=BY_POSTS.keys())
def test_a_post_is_told_something_else_when(mutant: Mutant, post: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = RULES.check(post, **FACTS)
    owner, name, instead = mutant
    monkeypatch.setattr(owner, name, instead, raising=not isinstance(instead, property))
    assert RULES.check(post, **FACTS) != told
    monkeypatch.undo()
    assert RULES.check(post, **FACTS) == told
