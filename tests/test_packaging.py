"""What is on disk is what is shipped."""

from __future__ import annotations

import configparser
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_listed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {".".join(init.parent.relative_to(ROOT).parts) for init in (ROOT / "approval").rglob("__init__.py")}
    assert listed == found | {"approval.templates", "approval.static"}


def test_the_wheel_holds_templates_styles_packs_and_migrations(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "static"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                assert f"approval/{path.relative_to(ROOT)}" in names
    for pattern in (
        "approval/rules/packs",
        "approval/migrations/versions",
        "approval/desk/demo",
        "approval/records/keeping",
    ):
        for path in (ROOT / pattern).iterdir():
            if path.suffix in (".toml", ".py"):
                assert str(path.relative_to(ROOT)) in names
    assert "approval/migrations/script.py.mako" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
