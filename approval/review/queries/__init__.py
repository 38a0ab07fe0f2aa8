"""Questions about review; the answers are frozen facts."""

from approval.review.queries.approvals import approved as approved
from approval.review.queries.duties import candidates as candidates, may_decide as may_decide, own_words as own_words
from approval.review.queries.rounds import (
    Round as Round,
    flow_of as flow_of,
    outdated_posts as outdated_posts,
    preview as preview,
    preview_of as preview_of,
)
from approval.review.queries.stages import StageLine as StageLine, stage_lines as stage_lines
from approval.review.queries.tasklist import (
    Cursor as Cursor,
    ExceptionTask as ExceptionTask,
    ReturnedPost as ReturnedPost,
    Task as Task,
    TaskPage as TaskPage,
    count_tasks as count_tasks,
    exceptions_waiting as exceptions_waiting,
    returned as returned,
    tasks as tasks,
)
from approval.review.queries.workflows import (
    Version as Version,
    WaitingProposal as WaitingProposal,
    in_force as in_force,
    in_review_by_version as in_review_by_version,
    version_with as version_with,
    versions as versions,
    waiting_proposals as waiting_proposals,
)
