"""The verbs of review: submit, decide, withdraw; propose a workflow, and second it."""

from approval.review.services.deciding import decide as decide
from approval.review.services.ending import (
    ensure_may_withdraw as ensure_may_withdraw,
    expire_due as expire_due,
    supersede as supersede,
    withdraw as withdraw,
)
from approval.review.services.submitting import reconsider as reconsider, submit as submit
from approval.review.services.workflows import (
    ensure_workflow as ensure_workflow,
    propose_workflow as propose_workflow,
    second_workflow as second_workflow,
)
