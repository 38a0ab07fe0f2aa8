"""A worker of publishing alone, in a process of its own, to be killed: `python worker_process.py`."""

from __future__ import annotations

import logging
import time

import structlog

from approval import db, settings as environment
from approval.publishing import jobs


def main() -> None:
    """Say that it is ready, then look for work until it is killed."""
    # Nobody reads the pipe after the first line: a full one would hold the worker up.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings = environment.load()
    db.connect(settings.database_url)
    print("ready", flush=True)
    while True:
        jobs.reconcile_due(settings, "killed")
        jobs.publish_due(settings, "killed")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
