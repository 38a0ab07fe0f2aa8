"""Workflows, pure: a definition in TOML becomes facts, and facts become the standing of a round.

Nothing here knows a database, a clock or a person: who is asked are words, decisions are facts.
"""

from approval.review.flow.definition import (
    as_table as as_table,
    parse_workflow as parse_workflow,
    table_to_toml as table_to_toml,
    to_toml as to_toml,
    workflow_of as workflow_of,
)
from approval.review.flow.seating import Ask as Ask, first_short as first_short
from approval.review.flow.standing import (
    Facts as Facts,
    Flow as Flow,
    Made as Made,
    StageState as StageState,
    derive as derive,
    is_asked as is_asked,
)
from approval.review.flow.workflow import (
    ALL as ALL,
    MAX_STAGES as MAX_STAGES,
    Asked as Asked,
    Condition as Condition,
    Outcome as Outcome,
    Reason as Reason,
    Stage as Stage,
    StageStanding as StageStanding,
    Verdict as Verdict,
    Who as Who,
    Workflow as Workflow,
)
