"""`approval check` and `approval rules`: answers on stdout, messages on stderr, and the exit codes of the contract."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shlex
import subprocess
import sys
import tracemalloc
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from approval import clock, rules
from approval.rules import LARGEST, TOPICS, RuleError, RuleSet, load_packs
from approval.screening import commands, inputs

ROOT = Path(__file__).parents[2]
MAIN = click.Group(commands={command.name: command for command in commands.COMMANDS if command.name})
RISKY = "Risk-free notes.\nMore risk-free notes!"
CONTRACT_SLUGS = """
529 able-account advisory alternatives annuity app auto-loan bnpl bond brand brokerage-account
business-deposits car-finance careers cash-advance cash-management cd certificate cfd checking cmo community
consumer-credit copy-trading cra credit-card crowdfunding crypto customer-service day-trading
debt-consolidation debt-help deposit-insurance education equities equity-release esg-fund etf event
fraud-awareness fund heloc home-loan insurance investment-app investment-services ipo ira isa life-insurance
managed-account managed-fund managed-portfolio margin market-commentary mortgage mutual-fund opportunity-zone
options p2p pension personal-loan private-fund private-placement real-estate reit retirement robo-advice
rollover savings share-account small-business-loan stablecoin strategy structured-product superannuation
tax-forms tax-planning treasury-management trust vct other
"""
PACK = """
[[rule]]
id = "OWN101"
name = "our-own-word"
kind = "phrase"
topic = "guarantee"
severity = "low"
match = ["zebra"]
message = "“{match}”"
why = "House style."
citation = { text = "Our manual 3.2", as_of = 2026-11-21 }
suggestion = "Say horse."
flags = ["A zebra"]
passes = ["A horse"]
"""
LACKING = """
[[rule]]
id = "OWN102"
name = "our-own-lines"
kind = "require"
topic = "tax-claim"
severity = "medium"
regimes = ["au"]
products = ["trust"]
items = { sender = ["sent by"], stable = ["stable"], straw = ["straw"] }
message = "Lines are missing."
why = "House style."
citation = { text = "Our manual 3.3", as_of = 2026-11-21 }
suggestion = "Add them."
flags = ["Hello. Straw."]
passes = ["Sent by the stable, with straw."]
"""


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> RuleSet:
    """The rules are our own and few: zebras are low, and trusts in Australia say three things."""
    ours = RuleSet.parse({"house": (PACK + LACKING).encode()})
    monkeypatch.setattr(rules, "load_packs", lambda: ours)
    return ours


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Posts in a folder: a risky text, a clean page, and a batch of one risky and one clean post."""
    posts = tmp_path / "posts"
    (posts / "june").mkdir(parents=True)
    (posts / "a.txt").write_text(RISKY)
    (posts / "june" / "b.MD").write_text("Good morning.")
    lines(posts / "june" / "c.jsonl", {"id": "one", "text": "So risk-free."}, {"id": 2, "text": "Good morning."})
    (posts / "june" / "picture.png").write_bytes(b"\x89PNG")
    return posts


def run(*arguments: str | Path, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(MAIN, [str(a) for a in arguments], input=text, catch_exceptions=False)


def lines(path: Path, *posts: object) -> str:
    path.write_text("".join(json.dumps(post) + "\n" for post in posts))
    return str(path)


def test_a_blocked_text_exits_1_and_a_clean_one_0() -> None:
    assert run("check", "-", text=RISKY).exit_code == 1
    clean = run("check", "-", text="Good morning.")
    assert (clean.exit_code, clean.stdout) == (0, "No finding.\n")


@pytest.mark.parametrize(("fail_on", "code"), [("block", 0), ("high", 0), ("medium", 1), ("low", 1), ("never", 0)])
def test_fail_on_names_the_least_severity_that_fails(fail_on: str, code: int, house: RuleSet) -> None:
    asked = ("check", "-", "--regime", "au", "--product", "trust", "--fail-on", fail_on)
    assert run(*asked, text="A zebra.").exit_code == code


def test_a_finding_in_text_names_line_column_reason_rule_and_remedy() -> None:
    out = run("check", text=RISKY).stdout
    assert out.startswith("1:1: block PRO110") and "\n\n2:6: block PRO110" in out
    assert "  why: " in out and "  rule: " in out and "  instead: " in out


def test_json_counts_code_points_after_line_ends_became_lf() -> None:
    text = "🚀 One.\r\nRisk-free notes."
    answer = json.loads(run("check", "-", "--format", "json", text=text.encode()).stdout)
    (finding,) = answer["findings"]
    assert (finding["start"], finding["end"], finding["match"], finding["part"]) == (7, 16, "Risk-free", None)
    assert answer["digest"] == load_packs().digest


def test_jsonl_of_one_text_is_one_line() -> None:
    assert run("check", "-", "--format", "jsonl", text=RISKY).stdout.count("\n") == 1


def test_sarif_names_rules_and_regions() -> None:
    log = json.loads(run("check", "-", "--format", "sarif", text=RISKY).stdout)
    (told,) = log["runs"]
    assert log["version"] == "2.1.0" and told["columnKind"] == "unicodeCodePoints"
    region = told["results"][1]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 2, "startColumn": 6, "endLine": 2, "endColumn": 15}
    assert {result["ruleId"] for result in told["results"]} <= {rule["id"] for rule in told["tool"]["driver"]["rules"]}


def test_metadata_decides_what_must_be_there_and_the_text_names_each_missing_thing(house: RuleSet) -> None:
    asked = ("check", "-", "--fail-on", "medium")
    assert run(*asked, text="Hello. Straw.").stdout == "No finding.\n"
    out = run(*asked, "--regime", "au", "--product", "trust", text="Hello. Straw.")
    assert out.exit_code == 1 and "missing: medium OWN102" in out.stdout
    assert "\n  missing: sender, stable\n" in out.stdout


def test_exceptions_that_were_considered_stay_out_of_the_text() -> None:
    (finding,) = json.loads(run("check", "-", "--format", "json", text="Risk-free notes").stdout)["findings"]
    out = run("check", "-", text="Risk-free notes").stdout
    assert finding["considered"] and [line.split(":")[0] for line in out.splitlines()[2:]] == [
        "  why",
        "  rule",
        "  instead",
    ]


def test_an_unknown_product_is_read_as_other_and_said_on_stderr() -> None:
    out = run("check", "-", "--product", "tulips", text="Hello")
    assert (out.exit_code, out.stdout) == (0, "No finding.\n")
    assert "“tulips” is not on the list and is read as `other`" in out.stderr


def test_a_batch_gives_one_line_for_each_line_in_order(tmp_path: Path) -> None:
    posts = [
        {"id": f"p{n}", "text": RISKY if n % 2 else "Hello", "product": "crypto", "regime": "uk"} for n in range(5)
    ]
    out = run("check", lines(tmp_path / "posts.jsonl", *posts), "--fail-on", "never")
    answers = [json.loads(line) for line in out.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [post["id"] for post in posts]
    assert all(set(answer) == {"id", "digest", "findings"} for answer in answers)
    found = [any(f["rule"] == "PRO110" for f in answer["findings"]) for answer in answers]
    assert found == [False, True, False, True, False]


def test_a_batch_takes_its_usual_facts_from_the_options(tmp_path: Path, house: RuleSet) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": 1, "text": "Hello."}, {"id": 2, "text": "Hello.", "product": "other"})
    out = run("check", file, "--regime", "au", "--product", "trust", "--fail-on", "never")
    assert [len(json.loads(line)["findings"]) for line in out.stdout.splitlines()] == [1, 0]


@pytest.mark.parametrize("shape", ["text", "json", "sarif"])
def test_a_batch_may_be_answered_in_other_shapes(tmp_path: Path, shape: str) -> None:
    out = run(
        "check", lines(tmp_path / "a.jsonl", {"id": "one", "text": RISKY}), "--format", shape, "--fail-on", "never"
    )
    assert out.exit_code == 0 and "PRO110" in out.stdout and "one" in out.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"id": 1, "text": "a"}\n{broken', "line 2: is not JSON"),
        ('{"id": 1}', "line 1: must be an object with `id` and `text`"),
        ("[]", "line 1: must be an object"),
        ('{"id": 1, "text": "a", "regime": "mars"}', "line 1: regime must be one of"),
        ('{"id": 1, "text": "a", "product": 7}', "line 1: product must be"),
        ("[" * 100_000, "line 1: is not JSON"),
        ('{"id": 1, "text": "a"}\n\n{"id": 2, "text": "\\ud83d"}', "line 3: \\ud83d is half of a character"),
        ('{"id": "\\ude00", "text": "a"}', "line 1: \\ude00 is half of a character"),
        (b'{"id": 1, "text": "a"}\n{"id": 2, "text": "caf\xe9"}', "line 2: is not UTF-8 at byte 22"),
        (b" " * (inputs.MOST_LINE + 1), "line 1: has more than 16,777,216 bytes; write one post per line"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_line_is_named_with_its_file_and_exits_2(tmp_path: Path, content: str | bytes, said: str) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    out = run("check", file)
    assert out.exit_code == 2 and f"posts.jsonl, {said}" in out.stderr


def test_a_pair_of_escapes_is_one_character(tmp_path: Path) -> None:
    out = run("check", lines(tmp_path / "a.jsonl", {"id": "🚀", "text": "🚀 Risk-free notes"}))
    (finding,) = json.loads(out.stdout)["findings"]
    assert json.loads(out.stdout)["id"] == "🚀" and finding["start"] == 2


def test_a_file_that_is_missing_or_not_utf8_exits_2_and_is_named(tmp_path: Path) -> None:
    out = run("check", str(tmp_path / "none.txt"))
    assert out.exit_code == 2 and "none.txt: cannot be read" in out.stderr
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    out = run("check", str(tmp_path / "latin.txt"))
    assert out.exit_code == 2 and "not UTF-8 at byte 3" in out.stderr


def test_a_text_that_is_too_long_could_not_be_done() -> None:
    out = run("check", "-", text="a" * (LARGEST + 1))
    assert out.exit_code == 3 and "1,000,001 characters" in out.stderr and not out.stdout


def test_a_post_that_is_too_long_is_named_with_its_line(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": 1, "text": "a"}, {"id": 2, "text": "a" * (LARGEST + 1)})
    out = run("check", file)
    assert out.exit_code == 3 and "a.jsonl, line 2: " in out.stderr and out.stdout.count("\n") == 1


# -- several files and folders ---------------------------------------------------------------------------------


def test_a_folder_is_read_in_order_of_name_and_each_finding_names_its_file(folder: Path) -> None:
    out = run("check", folder)
    assert out.exit_code == 1
    heads = [line for line in out.stdout.splitlines() if line.startswith(str(folder))]
    assert [head.split(" PRO110 ")[0] for head in heads] == [
        f"{folder}/a.txt:1:1: block",
        f"{folder}/a.txt:2:6: block",
        f"{folder}/june/c.jsonl#one:1:4: block",
    ]


def test_several_files_without_a_finding_are_answered_once(folder: Path) -> None:
    clean = folder / "june" / "b.MD"
    out = run("check", clean, clean)
    assert (out.exit_code, out.stdout, out.stderr) == (0, "No finding.\n", "")


@pytest.mark.parametrize("shape", ["json", "jsonl"])
def test_answers_about_several_files_carry_the_file(folder: Path, shape: str) -> None:
    out = run("check", folder, "-", "--format", shape, "--fail-on", "never", text="Good morning.").stdout
    answers = json.loads(out) if shape == "json" else [json.loads(line) for line in out.splitlines()]
    assert [(answer["file"].removeprefix(f"{folder}/"), answer.get("id")) for answer in answers] == [
        ("a.txt", None),
        ("june/b.MD", None),
        ("june/c.jsonl", "one"),
        ("june/c.jsonl", 2),
        ("-", None),
    ]
    assert [len(answer["findings"]) for answer in answers] == [2, 0, 1, 0, 0]


def test_sarif_of_a_folder_is_one_run_with_relative_places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.txt").rename(folder / "a 1%.txt")
    monkeypatch.chdir(folder.parent)
    for asked in ("posts", folder):
        (told,) = json.loads(run("check", asked, "--format", "sarif").stdout)["runs"]
        places = [result["locations"][0]["physicalLocation"] for result in told["results"]]
        assert [place["artifactLocation"]["uri"] for place in places] == [
            "posts/a%201%25.txt",
            "posts/a%201%25.txt",
            "posts/june/c.jsonl#one",
        ]


@pytest.mark.parametrize("shape", ["json", "sarif"])
@pytest.mark.parametrize("posts", [0, 1, 2])
def test_a_document_is_spelt_as_json_spells_it_though_it_is_written_piece_by_piece(
    tmp_path: Path, shape: str, posts: int
) -> None:
    file = lines(tmp_path / "a.jsonl", *[{"id": n, "text": "Risk-free\u2028notes"} for n in range(posts)])
    out = run("check", file, "--format", shape).stdout
    assert out == json.dumps(json.loads(out), ensure_ascii=False, indent=2) + "\n"


def test_a_refusal_among_several_files_names_the_file(folder: Path) -> None:
    (folder / "b.txt").write_bytes("café".encode("latin-1"))
    out = run("check", folder)
    assert out.exit_code == 2 and f"{folder}/b.txt: is not UTF-8 at byte 3; save it as UTF-8." in out.stderr
    (folder / "b.txt").write_text("a" * (LARGEST + 1))
    out = run("check", folder)
    assert out.exit_code == 3 and f"{folder}/b.txt: " in out.stderr and "1,000,001" in out.stderr
    out = run("check", folder / "a.txt", folder / "none.txt", "--format", "sarif")
    assert out.exit_code == 2 and f"{folder}/none.txt: cannot be read" in out.stderr


def test_an_unknown_product_is_said_once_for_all_files(folder: Path) -> None:
    assert run("check", folder, "--product", "tulips").stderr.count("tulips") == 1


def test_a_folder_without_a_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "picture.png").touch()
    out = run("check", tmp_path / "empty")
    assert out.exit_code == 2 and f"{tmp_path}/empty: holds no .txt, .md or .jsonl file" in out.stderr


def test_a_folder_that_cannot_be_read_is_refused_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def locked(path: str) -> object:
        if path.endswith("june"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", locked)
        out = run("check", folder)
    assert (out.exit_code, out.stdout) == (2, "")
    assert f"{folder}/june: cannot be read: Permission denied." in out.stderr


def test_a_file_name_that_is_no_text_is_still_named(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text(RISKY)
    assert "caf\ufffd.txt:1:1: block PRO110" in run("check", tmp_path).stdout
    assert "/caf%E9.txt" in run("check", tmp_path, "--format", "sarif").stdout


def test_the_hook_of_pre_commit_checks_several_files(folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"], hook["types"]) == ("approval-check", "python", ["text"])
    program, *arguments = shlex.split(hook["entry"])
    clean = folder / "june" / "b.MD"
    assert program == "approval"
    assert [run(*arguments, clean, file).exit_code for file in (clean, folder / "a.txt")] == [0, 1]


# -- streams ---------------------------------------------------------------------------------------------------


def test_a_line_is_answered_before_the_next_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": 1, "text": "a"}\n\xff')
    out = run("check", tmp_path / "a.jsonl")
    assert out.exit_code == 2 and json.loads(out.stdout)["id"] == 1


def test_standard_input_may_be_a_batch() -> None:
    batch = json.dumps({"id": 1, "text": RISKY}) + "\n" + json.dumps({"id": 2, "text": "Hello"})
    for arguments in (("-", "--format", "jsonl"), ()):
        out = run("check", "--batch", *arguments, text="\ufeff" + batch)
        assert [json.loads(line)["id"] for line in out.stdout.splitlines()] == [1, 2] and out.exit_code == 1
    bad = run("check", "-", "--batch", text=batch + "\n{")
    assert bad.exit_code == 2 and "standard input, line 3: is not JSON" in bad.stderr


@pytest.mark.parametrize("shape", commands.REPORTS)
def test_a_long_batch_needs_no_more_memory_than_a_short_one(
    tmp_path: Path, house: RuleSet, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    """The rules are left out, so that only reading and writing are measured."""
    found = house.check("A zebra.")
    monkeypatch.setattr(RuleSet, "check_facts", lambda *_: found)
    file = lines(tmp_path / "a.jsonl", *[{"id": n, "text": "A zebra. " * 500} for n in range(1_000)])
    arguments = [file, "--format", shape, "--fail-on", "never"]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        tracemalloc.start()
        commands.check.main(arguments, standalone_mode=False)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < Path(file).stat().st_size / 10


def test_progress_is_told_about_every_second_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 100_000))
    monkeypatch.setattr(clock, "monotonic", lambda: next(ticks) * 0.25)
    file = lines(tmp_path / "a.jsonl", *[{"id": n, "text": RISKY} for n in range(8)])
    out = run("check", file, "--progress")
    assert out.stderr.splitlines()[0] == "4 done, 3 a second, 8 found"
    assert out.stderr.splitlines()[-1].startswith("8 done, ") and out.stderr.endswith(" 16 found\n")
    assert out.stdout.count("\n") == 8
    assert run("check", file).stderr == ""


def program(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "approval.cli", *map(str, arguments)]


def test_progress_is_told_where_stderr_is_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    file = lines(tmp_path / "a.jsonl", {"id": 1, "text": RISKY})
    done = subprocess.run(program("check", file), stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT)
    os.close(theirs)
    told = os.read(ours, 1_000).decode()
    os.close(ours)
    assert told.startswith("1 done, ") and told.endswith(" 2 found\r\n") and json.loads(done.stdout)["id"] == 1


def test_a_reader_who_leaves_ends_the_command_without_a_word(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", *[{"id": n, "text": RISKY} for n in range(200)])
    with subprocess.Popen(program("check", file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as started:
        assert started.stdout and started.stderr and json.loads(started.stdout.readline())["id"] == 0
        started.stdout.close()
        assert (started.stderr.read(), started.wait()) == (b"", 3)


# -- packs -----------------------------------------------------------------------------------------------------


def test_a_bad_option_exits_2() -> None:
    assert run("check", "-", "--regime", "mars", text="a").exit_code == 2


def test_a_pack_of_ones_own_counts_beside_the_shipped_ones(tmp_path: Path) -> None:
    pack = tmp_path / "house.toml"
    pack.write_text(PACK)
    out = run("check", "-", "--pack", str(pack), "--fail-on", "low", text="A zebra. Risk-free.")
    assert out.exit_code == 1 and "OWN101" in out.stdout and "PRO110" in out.stdout
    assert run("rules", "explain", "OWN101", "--pack", str(pack)).stdout.startswith("OWN101 our-own-word")


def test_shipped_packs_that_cannot_be_read_leave_the_answer_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> RuleSet:
        raise RuleError("is not TOML", pack="uk")

    monkeypatch.setattr(rules, "load_packs", broken)
    out = run("check", "-", text="a")
    assert out.exit_code == 3 and "The shipped packs cannot be read: pack uk: is not TOML" in out.stderr


def test_a_bad_pack_is_refused_by_pack_rule_and_key(tmp_path: Path) -> None:
    pack = tmp_path / "house.toml"
    pack.write_text(PACK.replace("message", "mesage"))
    out = run("check", "-", "--pack", str(pack), text="a")
    assert out.exit_code == 2 and "pack house, rule OWN101, key mesage" in out.stderr
    taken = tmp_path / "pii.toml"
    taken.write_text(PACK)
    assert "another name" in run("check", "-", "--pack", str(taken), text="a").stderr


def test_rules_are_listed_and_by_topic() -> None:
    listed = json.loads(run("rules", "list", "--format", "json").stdout)
    assert len(listed) == len(load_packs().rules) and {rule["topic"] for rule in listed} <= set(TOPICS)
    some = run("rules", "list", "--topic", "risk-free").stdout.splitlines()
    assert some and all("risk-free" in line for line in some)


def test_a_rule_is_explained_by_id_or_name_and_an_unknown_one_exits_2() -> None:
    by_id = run("rules", "explain", "PRO110", "--format", "json")
    assert by_id.stdout == run("rules", "explain", load_packs().rule("PRO110").name, "--format", "json").stdout
    assert json.loads(by_id.stdout)["passes"]
    essay = run("rules", "explain", "PRO110").stdout
    assert essay.startswith("PRO110 ") and "\n\nflags\n  - " in essay and "\n\npasses\n  - " in essay
    unknown = run("rules", "explain", "XYZ999")
    assert unknown.exit_code == 2 and "rules list" in unknown.stderr


def test_the_examples_are_run_and_a_wrong_one_exits_1(tmp_path: Path, house: RuleSet) -> None:
    out = run("rules", "test")
    assert (out.exit_code, out.stdout) == (0, "2 rules, 4 examples, 0 wrong.\n")
    pack = tmp_path / "more.toml"
    pack.write_text(
        PACK.replace("OWN101", "OWN103").replace("our-own", "another").replace('["A horse"]', '["A zebra too"]')
    )
    out = run("rules", "test", "--pack", pack, "--format", "json")
    assert out.exit_code == 1
    assert json.loads(out.stdout)["wrong"] == [{"rule": "OWN103", "text": "A zebra too", "expected": "pass"}]


def test_products_are_listed_with_their_class() -> None:
    listed = {
        entry["product"]: entry["class"] for entry in json.loads(run("rules", "products", "--format", "json").stdout)
    }
    assert sorted(listed) == sorted(CONTRACT_SLUGS.split())
    assert (
        listed["heloc"] == "home-secured-credit"
        and listed["other"] == "none"
        and listed["p2p"] == "high-risk-investment"
    )
    assert "stablecoin" in run("rules", "products").stdout
