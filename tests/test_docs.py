"""What is written about the program is true of it: its events, its settings, its commands, its promises."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import approval.app  # noqa: F401  every kind of event is imported with it
from approval.audit.events import KINDS, Event
from approval.cli import main
from approval.settings import SETTINGS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
COMMANDS = """
    serve --host --port --no-worker
    worker
    upgrade
    settings --format
    doctor --format
    demo --empty --format
    people add --name --role --workspace --password-stdin
    people list --format
    people disable
    token create --person --name --scope
    posts import --workspace --as
    check --channel --regime --product --audience --entity-type --language --pack --format --fail-on
    rules list --format
    rules explain
    rules test
    rules evaluate
    rules products --format
    audit verify --workspace
    audit replay --workspace
    audit seal --workspace
    audit key --workspace
    export --workspace --from --to --out
    verify --vkey
    publish stop --scope --reason
    publish resume --scope --reason
    publish status --format
"""
"""The commands of the contract with their options."""


# -- events ----------------------------------------------------------------------------------------------------


def says_more_than_its_name(kind: type[Event]) -> bool:
    """Say whether the docstring of a kind tells a reader of the log something that its name does not."""
    text = kind.__doc__ or ""
    # A dataclass without a docstring is given its signature for one.
    if not text.strip() or text.startswith(f"{kind.__name__}("):
        return False
    named = set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", kind.__name__).lower() + " " + kind.kind))
    return len(set(re.findall(r"[a-z]+", text.lower())) - named - {"a", "an", "the", "was", "is", "it"}) >= 2


OURS = sorted(name for name, kind in KINDS.items() if kind.__module__.startswith("approval."))
"""The kinds of the product: other tests, in the same process, may have made some of their own."""


@pytest.mark.parametrize("kind", [KINDS[name] for name in OURS], ids=OURS)
def test_a_kind_of_event_says_in_a_sentence_what_happened(kind):
    assert says_more_than_its_name(kind), kind.__doc__
    first = (kind.__doc__ or "").strip().split("\n")[0]
    assert first[0].isupper() and len(first) <= 120


def test_every_kind_of_event_is_defined_with_the_events_of_its_domain():
    written = {
        node.name
        for path in (ROOT / "approval").rglob("*.py")
        if path.name != "events.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and any(keyword.arg == "kind" for keyword in node.keywords)
    }
    assert written == set()


def test_control_a_name_or_a_signature_is_no_sentence():
    class PostMoved:
        kind = "post.moved"

    for text, says in ((None, False), ("PostMoved(by)", False), ("The post was moved.", False), ("Gone.", False)):
        PostMoved.__doc__ = text
        assert says_more_than_its_name(PostMoved) is says  # type: ignore[arg-type]
    PostMoved.__doc__ = "A post went to another workspace."
    assert says_more_than_its_name(PostMoved)  # type: ignore[arg-type]


# -- settings --------------------------------------------------------------------------------------------------


def read_in_the_code() -> set[str]:
    """Return the variables that the code names in whole strings: what it reads, not what a message says."""
    return {
        node.value
        for path in (ROOT / "approval").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"APPROVAL_[A-Z_]+", node.value)
    }


def test_every_variable_that_is_read_is_a_setting_and_the_other_way_round():
    assert read_in_the_code() == {setting.name for setting in SETTINGS}


def test_every_setting_is_documented_for_administrators():
    text = (ROOT / "docs" / "administrator.md").read_text() + (README.read_text() if README.exists() else "")
    assert [setting.name for setting in SETTINGS if setting.name not in text] == []


def test_no_text_names_a_variable_that_is_no_setting():
    known = {setting.name for setting in SETTINGS}
    tests_only = {"APPROVAL_TEST_POSTGRES", "APPROVAL_CHROMIUM"}
    for path in [*(ROOT / "docs").rglob("*.md"), *(ROOT / "templates").rglob("*"), *filter(Path.exists, [README])]:
        if path.is_file():
            named = set(re.findall(r"\bAPPROVAL_[A-Z]+(?:_[A-Z]+)*\b", path.read_text()))
            assert named - known - tests_only == set(), path


def test_the_settings_are_shown_with_value_and_source(tmp_path):
    shown = CliRunner().invoke(main, ["settings"], env={"APPROVAL_DATA": str(tmp_path)}, catch_exceptions=False)
    assert [s.name for s in SETTINGS if f"{s.name}=" not in shown.output or s.help not in shown.output] == []


# -- commands --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [line.split() for line in COMMANDS.strip().splitlines()], ids=" ".join)
def test_a_command_of_the_contract_exists_and_helps(line, monkeypatch):
    words = [word for word in line if not word.startswith("-")]
    command: click.Command = main
    context = click.Context(main)
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None, f"no command {word}"
        command = found
    options = {option for parameter in command.params for option in parameter.opts}
    assert [word for word in line if word.startswith("-") and word not in options] == []
    # Help needs no database: the command looks at its own line for that.
    monkeypatch.setattr(sys, "argv", ["approval", *words, "--help"])
    helped = CliRunner().invoke(main, sys.argv[1:])
    assert (helped.exit_code, "Usage:" in helped.output) == (0, True)
    assert command.help, f"{' '.join(words)} says nothing of itself"


def test_every_option_says_what_it_is_for():
    silent = [
        f"{name} {option.opts[0]}"
        for name, command in all_commands()
        for option in command.params
        if isinstance(option, click.Option) and not option.help and option.opts[0] not in PLAIN
    ]
    assert silent == []


PLAIN = {"--format", "--help", "--port"}
"""Options whose name and choices say everything."""


def all_commands() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    waiting: list[tuple[str, click.Command]] = [("", main)]
    while waiting:
        name, command = waiting.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            for word in command.list_commands(context):
                inner = command.get_command(context, word)
                assert inner is not None
                waiting.append((f"{name} {word}".strip(), inner))
        else:
            found.append((name, command))
    return found


# -- promises --------------------------------------------------------------------------------------------------


def test_a_promise_of_the_readme_names_a_test_that_exists():
    """References are written `tests/…/test_….py::test_…`; the same is true of the other documents."""
    documents = [path for path in (README, *(ROOT / "docs").rglob("*.md")) if path.exists()]
    missing = [
        f"{path.name}: {file}::{name}"
        for path in documents
        for file, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", path.read_text())
        if not holds(file, name)
    ]
    assert missing == []


def holds(file: str, name: str) -> bool:
    """Say whether a test file exists and has this test (any, where *name* is empty)."""
    path = ROOT / file
    if not path.is_file():
        return False
    names = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    return not name or name in names


def test_control_a_promise_without_its_test_is_noticed():
    assert holds("tests/test_docs.py", "test_control_a_promise_without_its_test_is_noticed")
    assert not holds("tests/test_docs.py", "test_that_nobody_wrote")
    assert not holds("tests/test_nothing.py", "")


def test_links_between_documents_lead_somewhere():
    for path in [*(ROOT / "docs").rglob("*.md"), *filter(Path.exists, [README])]:
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} leads to {target}"
