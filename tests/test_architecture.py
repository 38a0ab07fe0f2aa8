"""The staircase of imports holds, and the pure packages are pure."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_import_contracts_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_pure_packages_load_no_framework():
    program = (
        "import sys; import approval.rules, approval.tlog, approval.networks; "
        "print(*sorted({'flask','sqlalchemy','click','httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_only_the_clock_and_the_database_are_asked_for_the_time():
    asking = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time\(|func\.(now|current_timestamp)\()")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "approval").rglob("*.py"))
        # The stand-alone verifier runs where there is neither.
        if path.name not in ("clock.py", "verify.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if asking.search(line)
    ]
    assert found == []


def test_no_raw_cursor_is_opened():
    for path in (ROOT / "approval").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in ("raw_connection", "cursor", "get_raw_connection"):
                raise AssertionError(f"{path.relative_to(ROOT)}:{node.lineno} opens a raw cursor")


def test_services_never_commit():
    for path in (ROOT / "approval").rglob("*.py"):
        if path.is_relative_to(ROOT / "approval" / "db"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("commit", "begin_nested"):
                raise AssertionError(f"{path.relative_to(ROOT)}:{node.lineno}: only `transaction` commits")


def test_no_markup_is_made_of_data():
    for path in (ROOT / "approval").rglob("*.py"):
        assert not re.search(r"\bMarkup\(", path.read_text()), path
    for path in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"\|\s*safe\b", path.read_text()), path


def test_files_are_short_enough_to_summarise():
    """About 400 lines; the standalone verifier and the first migration are one file by design."""
    long = {
        str(path.relative_to(ROOT)): count
        for path in (ROOT / "approval").rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 450
        and path.name not in ("verify.py", "0001_make_the_tables.py")
    }
    assert long == {}
