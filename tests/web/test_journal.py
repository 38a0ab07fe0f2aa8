from __future__ import annotations

import json

import pytest
import structlog

from approval.web import journal


@pytest.fixture
def lines(capsys):
    before = structlog.get_config()
    journal.install()
    yield lambda: capsys.readouterr().err.splitlines()
    structlog.configure(**before)


def test_each_line_is_an_object_with_its_instant(lines):
    structlog.get_logger("x").warning("throttled", address="192.0.2.1")
    (line,) = lines()
    record = json.loads(line)
    assert (record["event"], record["level"], record["address"]) == ("throttled", "warning", "192.0.2.1")
    assert record["timestamp"].endswith("Z")


def test_no_input_forges_a_line(lines):
    structlog.get_logger("x").info("seen", agent='a\n{"event": "forged"}\r\u2028b')
    (line,) = lines()
    assert json.loads(line)["event"] == "seen"


def test_a_fault_is_written_without_local_variables(lines):
    def fails(password):
        raise KeyError("gone")

    try:
        fails("seven quiet " + "herons")
    except KeyError:
        structlog.get_logger("x").exception("fault")
    (line,) = lines()
    assert json.loads(line)["error"] == "KeyError: 'gone'"
    assert "seven quiet herons" not in line


def test_a_request_is_named_in_its_lines(lines, app):
    answer = app.test_client().get("/fault/bug")
    record = json.loads(lines()[0])
    assert record["request"] == answer.headers["X-Request-Id"]
    assert record["event"] == "fault"
