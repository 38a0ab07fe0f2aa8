"""The verbs of records: ask for an export, write it, hand it out; judge again what was published."""

from approval.records.services.asking import (
    Job as Job,
    ask_export as ask_export,
    begin_next as begin_next,
    ensure_fetchable as ensure_fetchable,
    fail as fail,
    fetched as fetched,
    finish as finish,
)
from approval.records.services.lookback import (
    advance_lookback as advance_lookback,
    answer_hit as answer_hit,
    begin_lookback as begin_lookback,
)
from approval.records.services.writing import (
    Draft as Draft,
    Written as Written,
    draft_export as draft_export,
    write_export as write_export,
)
