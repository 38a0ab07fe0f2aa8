"""`make run` names what is missing, with the command that mends it, before it installs anything."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from doors import a_free_port

MAKEFILE = Path(__file__).parents[1] / "Makefile"
# A Python that is like the one of this test, but for what its arguments hold.
LIKE = """#!/bin/sh
echo "$*" >> "{folder}/asked"
case "$*" in
  {odd}
esac
exec {python} "$@"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Makefile and what the environment is made from."""
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("setup.cfg", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    return tmp_path


def python_like(folder: Path, odd: str) -> str:
    path = folder / "python"
    path.write_text(LIKE.format(folder=folder, odd=odd, python=sys.executable))
    path.chmod(0o755)
    return str(path)


def run(folder: Path, *options: str) -> str:
    """Run `make run`, which must fail; what it says."""
    done = subprocess.run(
        ["make", "run", f"PORT={a_free_port()}", *options], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ('*version_info*) exit 1;; -V) echo "Python 3.9.2"; exit;;', "Python 3.9.2; Python 3.11 or later is needed"),
        ("*ensurepip*) exit 1;;", "apt-get install python3-venv"),
    ],
    ids=["too old", "without venv"],
)
def test_an_unfit_python_is_named_with_the_remedy(folder, odd, told):
    assert told in run(folder, f"PYTHON={python_like(folder, odd)}")
    assert not (folder / ".venv").exists()


def test_a_missing_python_is_named_with_the_remedy(folder):
    assert "apt-get install python3 python3-venv" in run(folder, "PYTHON=no-such-python")
    assert not (folder / ".venv").exists()


def test_a_taken_port_is_named_with_the_next_one(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is taken: make run PORT={port + 1}" in run(folder, f"PORT={port}")
    assert not (folder / ".venv").exists()


def test_a_half_made_environment_is_made_anew(folder):
    half = folder / ".venv" / "bin" / "python"
    half.parent.mkdir(parents=True)
    half.write_text("#!/bin/sh\nexit 1\n")
    half.chmod(0o755)
    run(folder, f"PYTHON={python_like(folder, '*--clear*) exit 1;;')}")
    assert "-m venv --clear .venv" in (folder / "asked").read_text()
    assert not list((folder / ".venv").glob(".installed*")), "the stamp is written last"
