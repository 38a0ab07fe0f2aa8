"""One command, two children: the web server and the worker, started and ended together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

import click

from approval.db import schema
from approval.settings import Settings, is_loopback

END_WITHIN = 4.0
"""Seconds that the children get to finish what they are doing."""
BAD, FAILED = 2, 3


def run(settings: Settings, *, host: str, port: int, worker: bool) -> int:
    """Serve until INT or TERM, or until a child ends; return the exit code."""
    if not is_loopback(host) and not settings.secure:
        click.echo(
            f"refused to serve plain http on {host}: set APPROVAL_BASE_URL to the https address that people use, "
            "and let a proxy end TLS; without it only loopback addresses are served",
            err=True,
        )
        return BAD
    if not _is_free(host, port):
        click.echo(f"port {port} is taken: approval serve --port {port + 1}, or make run PORT={port + 1}", err=True)
        return BAD
    if settings.embedded:
        settings.data.mkdir(parents=True, exist_ok=True)
        schema.upgrade(settings.database_url)
    environment = {**os.environ, "APPROVAL_BASE_URL": settings.base_url or f"http://{host}:{port}"}
    children = [subprocess.Popen(_web(settings, host, port), env=environment)]
    if worker:
        children.append(subprocess.Popen([sys.executable, "-m", "approval.cli", "worker"], env=environment))
    click.echo(f"Approval is at {environment['APPROVAL_BASE_URL']}", err=True)
    return _watch(children)


def _web(settings: Settings, host: str, port: int) -> list[str]:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [
        sys.executable, "-m", "gunicorn", "approval.app:create_app()", "--bind", address,
        "--worker-class", "gthread", "--workers", "2", "--threads", "4", "--timeout", "60",
        "--graceful-timeout", "3", "--keep-alive", "5", "--log-level", "warning",
        "--worker-tmp-dir", str(settings.data if settings.embedded else "/dev/shm"),
        "--no-control-socket", "--preload",
    ]  # fmt: skip


def _watch(children: list[subprocess.Popen[bytes]]) -> int:
    asked = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    while not asked and all(child.poll() is None for child in children):
        time.sleep(0.1)
    failed = not asked
    _end(children)
    return FAILED if failed else 0


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + END_WITHIN
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
