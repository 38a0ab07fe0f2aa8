"""A firm whose workspace has rules in force."""

from __future__ import annotations

import pytest
from factories import Firm, a_firm
from sqlalchemy import Engine

from approval.audit.models.keys import Keys


@pytest.fixture
def firm(database: Engine, keys: Keys) -> Firm:
    """The small firm, once in each kind of database."""
    return a_firm(keys)


@pytest.fixture
def firm_on_sqlite(sqlite: Engine, keys: Keys) -> Firm:
    """The small firm in SQLite, for what does not depend on the kind of database."""
    return a_firm(keys)
