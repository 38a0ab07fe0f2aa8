"""The law of the package: bytes in, proofs out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import approval.tlog

FOLDER = Path(approval.tlog.__file__).parent


def test_the_log_core_imports_the_standard_library_and_itself():
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name is not None, f"{path.name} imports relatively"
                assert name.startswith("approval.tlog") or name.split(".")[0] in sys.stdlib_module_names, (
                    path.name,
                    name,
                )


def test_importing_it_loads_nothing_but_the_standard_library():
    code = (
        "import sys; before = set(sys.modules); import approval.tlog; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parents[1]
    )
    assert set(done.stdout.split()) - {"approval"} <= sys.stdlib_module_names


def test_it_touches_neither_files_nor_network_nor_clock():
    forbidden = {
        "os",
        "io",
        "pathlib",
        "socket",
        "time",
        "datetime",
        "sqlite3",
        "subprocess",
        "random",
        "secrets",
    }
    for path in FOLDER.glob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not names & forbidden, path.name


def test_every_public_name_is_listed_and_documented():
    for name in approval.tlog.__all__:
        value = getattr(approval.tlog, name)
        if callable(value) and getattr(value, "__module__", "").startswith("approval.tlog"):
            assert value.__doc__, name
