"""The verbs of records: ask for an export, write it, hand it out; judge again; keep, hold and let go."""

from approval.records.services.asking import (
    WORKER as WORKER,
    Job as Job,
    ask_export as ask_export,
    begin_next as begin_next,
    ensure_fetchable as ensure_fetchable,
    fail as fail,
    fetched as fetched,
    finish as finish,
)
from approval.records.services.choosing import person_named as person_named
from approval.records.services.holding import (
    place_hold as place_hold,
    propose_lift as propose_lift,
    second_lift as second_lift,
)
from approval.records.services.lookback import (
    advance_lookback as advance_lookback,
    answer_hit as answer_hit,
    begin_lookback as begin_lookback,
)
from approval.records.services.reckoning import follow as follow
from approval.records.services.retention import (
    ensure_retention as ensure_retention,
    has_retention as has_retention,
    propose_retention as propose_retention,
    second_retention as second_retention,
)
from approval.records.services.writing import (
    Draft as Draft,
    Written as Written,
    draft_export as draft_export,
    write_export as write_export,
)
