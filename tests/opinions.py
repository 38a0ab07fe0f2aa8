"""For the tests of second opinions: a few rules of a firm's own, and an encoder that knows no language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from factories import Firm
from sqlalchemy import select

from approval.db import Session
from approval.people.models import Proposal
from approval.screening import services
from approval.screening.opinion import Model
from approval.screening.opinion.nearest import Vectors

PACK = """[pack]
title = "Ours"
about = "What our policies add."

[[rule]]
id = "FIRM001"
name = "sure-gain"
kind = "phrase"
topic = "guarantee"
severity = "block"
match = ["sure gain"]
message = "“{match}” promises."
why = "Our policy."
citation = { text = "Policy, section 4", as_of = 2026-11-01 }
suggestion = "Say what may happen."
flags = ["Ask us. Here is a sure gain for you. Thank you."]
passes = ["Nobody has a certain gain here."]

[[rule]]
id = "FIRM002"
name = "hurry"
kind = "phrase"
topic = "urgency-pressure"
severity = "low"
match = ["only today"]
message = "“{match}” pushes."
why = "Our policy."
citation = { text = "Policy, section 5", as_of = 2026-11-01 }
suggestion = "Name the day."
flags = ["Come to our branch only today."]
passes = ["Come whenever it suits you."]

[[rule]]
id = "FIRM003"
name = "no-address"
kind = "require"
topic = "missing-member-fdic"
severity = "low"
match = ["write to us"]
needs = ["high street"]
message = "The address is missing."
why = "Our policy."
citation = { text = "Policy, section 6", as_of = 2026-11-01 }
suggestion = "Say where."
flags = ["Please write to us about it."]
passes = ["Please write to us, 4 High Street."]
"""
LIKE = "Here is a gain for you."
"""Words that resemble what FIRM001 flags; no rule finds anything in them."""
HURRY = "Come to our branch only today."
"""Words that FIRM002 flags, mildly."""


class Words:
    """An encoder: a sentence points where its words do, each word along an axis of its own."""

    def __init__(self, version: str) -> None:
        self.model = Model("words", version)
        self.asked: list[str] = []
        self._axes: dict[str, int] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        vectors = np.zeros((len(texts), 400), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.lower().split():
                vector[self._axes.setdefault(word.strip(".,!?"), len(self._axes)) % 400] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def put_rules_in_force(session: Session, firm: Firm) -> None:
    """Give the firm the three rules above, and no others."""
    services.propose_rules(session, firm.workspace, {"ours": PACK.encode()}, by=firm.compliance, reason="As agreed.")
    session.flush()
    proposal = session.scalars(select(Proposal).order_by(Proposal.id.desc()).limit(1)).one()
    services.second_rules(session, proposal, by=firm.other_compliance, accept=True)
