"""One command, two children: the web server and the worker, forked from one process and ended together."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Self

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from approval import app, cli, worker
from approval.db import schema
from approval.desk import commands as demo
from approval.settings import Settings, is_loopback

END_WITHIN = 4.0
"""Seconds that the children get to finish what they are doing."""
OK, BAD, FAILED = 0, 2, 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_forking = multiprocessing.get_context("fork")


def run(settings: Settings, *, host: str, port: int, with_worker: bool, with_demo: bool) -> int:
    """Serve until INT or TERM, or until a child ends; return the exit code.

    With the demo, the pages are served while its posts are still being led to their standings; the worker starts
    after them, since it would publish them at its own pace.
    """
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
    settings = replace(settings, base_url=settings.base_url or f"http://{_at(host, port)}")
    if settings.embedded:
        settings.data.mkdir(parents=True, exist_ok=True)
        schema.upgrade(settings.database_url)
    # What is not ready is told here, once, and not by a child's traceback.
    cli.connect(settings).dispose()
    if with_demo:
        demo.tell(demo.loaded(settings, empty=True))
    with _Children() as children:
        children.start(_serve, settings, host, port)
        click.echo(f"Approval is at {settings.base_url}", err=True)
        if with_demo:
            click.echo("loading the demo's posts; they appear one by one", err=True)
            children.finish(children.start(_fill, settings))
        if with_worker:
            children.start(_work, settings)
        children.wait()
    return OK if children.asked else FAILED


class _Children:
    """Processes of this one that end together: when one of them ends early, or when INT or TERM comes.

    The signal is only noted: what a handler raises is lost where it strikes a callback of a library in C.
    """

    def __init__(self) -> None:
        self.asked = False
        self._all: list[BaseProcess] = []

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _end(self._all)

    def start(self, run: Callable[..., None], *given: object) -> BaseProcess:
        """Start a child, unless the end has begun."""
        child = _forking.Process(target=_at_work, args=(run, *given))
        if self._stand():
            child.start()
            self._all.append(child)
        return child

    def finish(self, child: BaseProcess) -> None:
        """Wait until *child* has done its work; where it failed, the end begins."""
        self.wait()
        if child.exitcode == 0:
            self._all.remove(child)

    def wait(self) -> None:
        """Wait until a child ends or the end is asked for."""
        while self._stand():
            time.sleep(0.1)

    def _stand(self) -> bool:
        return not self.asked and all(child.is_alive() for child in self._all)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def _at_work(run: Callable[..., None], *given: object) -> None:
    """Run a child, which decides itself what signals mean to it."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    with cli.told():
        run(*given)


def _end(children: list[BaseProcess]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + END_WITHIN
    for child in children:
        child.join(max(0.1, deadline - time.monotonic()))
        if child.is_alive():
            child.kill()
            child.join()


class _Server(BaseApplication):  # type: ignore[misc]
    """The web server with its settings; the application is loaded once, then its workers are forked."""

    def __init__(self, settings: Settings, address: str) -> None:
        self.settings = settings
        self.address = address
        super().__init__()

    def load_config(self) -> None:
        """Set what this installation needs; everything else is as the server has it."""
        for name, value in (
            ("bind", self.address),
            ("worker_class", "gthread"),
            ("workers", 2),
            ("threads", 4),
            ("timeout", 60),
            ("graceful_timeout", 3),
            ("keepalive", 5),
            ("loglevel", "warning"),
            ("preload_app", True),
            ("control_socket_disable", True),
            ("worker_tmp_dir", str(self.settings.data if self.settings.embedded else "/dev/shm")),
        ):
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application."""
        return app.create_app(self.settings)


def _serve(settings: Settings, host: str, port: int) -> None:
    _Server(settings, _at(host, port)).run()


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fill(settings: Settings) -> None:
    click.echo(demo.posts_of(demo.loaded(settings, empty=False)), err=True)


def _work(settings: Settings) -> None:
    cli.connect(settings)
    worker.run(settings)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
