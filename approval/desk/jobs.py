"""What the worker does across domains: second opinions on posts in review, where a workspace asked for them."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog
from sqlalchemy.exc import IntegrityError

from approval.db import Origin, reading, transaction
from approval.desk.queries.opinion import question_of, waiting_rounds
from approval.screening.opinion import Encoder, load_encoder
from approval.screening.services.opinion import give, opine
from approval.settings import Settings

log = structlog.get_logger("desk")

ENDING = threading.Event()
"""Set when this process is to end: no further opinion is begun."""
FOLDER = "second-opinion"
_WORKER = "worker"
_ORIGIN = Origin(method="worker")
_reached: dict[str, int] = {}
"""The last round of each database that this process looked at: what failed once is not tried again and again."""


def give_second_opinions(settings: Settings, worker: str) -> None:
    """Give an opinion on every post that came to review since the last call; `doctor` says what is missing."""
    encoder = load_encoder() if settings.second_opinion else None
    if encoder is None:
        return
    with reading() as session:
        rounds = waiting_rounds(session, settings.second_opinion, after=_reached.get(settings.database_url, 0))
    for round_ in rounds:
        if ENDING.is_set():
            return
        _reached[settings.database_url] = round_
        _give(round_, encoder, settings.data / FOLDER)


def _give(round_: int, encoder: Encoder, folder: Path) -> None:
    # Here, because it needs the extra.
    from approval.screening.opinion.nearest import bank_of

    with reading() as session:
        question = question_of(session, round_)
    bank = bank_of(question.rules.rules, encoder, folder, ending=ENDING.is_set)
    if bank is None:
        return
    opinion = opine(question, bank, encoder)
    try:
        with transaction(_ORIGIN) as session:
            give(session, question, opinion, by=_WORKER)
    except IntegrityError:
        # Another worker was first.
        log.info("second opinion given already", post=question.post)
    else:
        log.info("second opinion given", post=question.post, resemblances=len(opinion.resemblances))
