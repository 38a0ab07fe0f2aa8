"""The verbs of publishing: schedule, publish now, cancel, withdraw; resolve; stop and resume."""

from approval.publishing.services.moments import Moment as Moment, moment as moment
from approval.publishing.services.resolving import (
    Resolution as Resolution,
    confirm as confirm,
    resolve as resolve,
)
from approval.publishing.services.scheduling import (
    cancel as cancel,
    publish_now as publish_now,
    schedule as schedule,
    withdraw as withdraw,
)
from approval.publishing.services.stopping import (
    ask_resume as ask_resume,
    lift as lift,
    scope_named as scope_named,
    stop as stop,
    stop_for_change as stop_for_change,
    stop_standing as stop_standing,
)
