"""How long records are kept, and what comes first: facts in, dates and fates out. It knows no database."""

from approval.records.keeping.covering import (
    Criteria as Criteria,
    Life as Life,
    covers as covers,
    may_cover as may_cover,
)
from approval.records.keeping.dates import Facts as Facts, Kept as Kept, Reason as Reason, keep as keep
from approval.records.keeping.definition import (
    SHIPPED as SHIPPED,
    Clock as Clock,
    RecordClass as RecordClass,
    Retention as Retention,
    Rule as Rule,
    parse_retention as parse_retention,
    retention_of as retention_of,
    table_to_toml as table_to_toml,
    to_table as to_table,
)
from approval.records.keeping.differing import Change as Change, changes as changes
from approval.records.keeping.fate import Fate as Fate, Outcome as Outcome, fate as fate
