"""The verbs of the log: record, open a log, seal."""

from approval.audit.services.keys import open_log as open_log
from approval.audit.services.recording import record as record
from approval.audit.services.sealing import seal as seal
