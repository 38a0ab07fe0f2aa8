"""`approval check` and `approval rules`: answers on stdout, messages on stderr, and the exit codes of the contract."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from approval.rules import TOPICS, load_packs
from approval.screening import commands

MAIN = click.Group(commands={command.name: command for command in commands.COMMANDS if command.name})
RISKY = "Guaranteed returns of 8%.\nYou can't lose!"
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


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(MAIN, list(arguments), input=text, catch_exceptions=False)


def lines(path: Path, *posts: object) -> str:
    path.write_text("".join(json.dumps(post) + "\n" for post in posts))
    return str(path)


def test_a_blocked_text_exits_1_and_a_clean_one_0() -> None:
    assert run("check", "-", text=RISKY).exit_code == 1
    clean = run("check", "-", text="Good morning.")
    assert (clean.exit_code, clean.stdout) == (0, "No finding.\n")


@pytest.mark.parametrize(("fail_on", "code"), [("block", 0), ("high", 0), ("medium", 1), ("low", 1), ("never", 0)])
def test_fail_on_names_the_least_severity_that_fails(fail_on: str, code: int) -> None:
    assert run("check", "-", "--fail-on", fail_on, text="Grab it before it's gone.").exit_code == code


def test_a_finding_in_text_names_line_column_reason_rule_and_remedy() -> None:
    out = run("check", text=RISKY).stdout
    assert "1:1: block PRO101" in out and "2:5: block PRO110" in out
    assert "FINRA Rule 2210(d)(1)(B)" in out and "instead: " in out


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
    assert region == {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 15}
    assert {result["ruleId"] for result in told["results"]} <= {rule["id"] for rule in told["tool"]["driver"]["rules"]}


def test_metadata_decides_what_must_be_there() -> None:
    out = run(
        "check", "-", "--regime", "us-bank", "--product", "savings", "--fail-on", "high", text="Start saving today."
    )
    assert out.exit_code == 1 and "missing: high FDI101" in out.stdout


def test_an_unknown_product_is_read_as_other_and_said_on_stderr() -> None:
    out = run("check", "-", "--product", "tulips", text="Hello")
    assert (out.exit_code, out.stdout) == (0, "No finding.\n")
    assert "“tulips” is not known and is read as `other`" in out.stderr


def test_a_batch_gives_one_line_for_each_line_in_order(tmp_path: Path) -> None:
    posts = [
        {"id": f"p{n}", "text": RISKY if n % 2 else "Hello", "product": "crypto", "regime": "uk"} for n in range(5)
    ]
    out = run("check", lines(tmp_path / "posts.jsonl", *posts), "--fail-on", "never")
    answers = [json.loads(line) for line in out.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [post["id"] for post in posts]
    assert all(set(answer) == {"id", "digest", "findings"} for answer in answers)
    assert [any(f["rule"] == "PRO101" for f in answer["findings"]) for answer in answers] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_a_batch_takes_its_usual_facts_from_the_options(tmp_path: Path) -> None:
    file = lines(
        tmp_path / "a.jsonl", {"id": 1, "text": "Save with us."}, {"id": 2, "text": "Save with us.", "regime": "uk"}
    )
    out = run("check", file, "--regime", "us-bank", "--product", "savings", "--fail-on", "never")
    assert [len(json.loads(line)["findings"]) for line in out.stdout.splitlines()] == [1, 0]


@pytest.mark.parametrize("shape", ["text", "json", "sarif"])
def test_a_batch_may_be_answered_in_other_shapes(tmp_path: Path, shape: str) -> None:
    out = run(
        "check", lines(tmp_path / "a.jsonl", {"id": "one", "text": RISKY}), "--format", shape, "--fail-on", "never"
    )
    assert out.exit_code == 0 and "PRO101" in out.stdout and "one" in out.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"id": 1, "text": "a"}\n{broken', "line 2: is not JSON"),
        ('{"id": 1}', "line 1: must be an object with `id` and `text`"),
        ("[]", "line 1: must be an object"),
        ('{"id": 1, "text": "a", "regime": "mars"}', "line 1: regime must be one of"),
        ('{"id": 1, "text": "a", "product": 7}', "line 1: product must be"),
        ("[" * 100_000, "line 1: is not JSON"),
    ],
)
def test_a_bad_line_is_named_and_exits_2(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(content)
    out = run("check", str(file))
    assert out.exit_code == 2 and said in out.stderr


def test_a_file_that_is_missing_or_not_utf8_exits_2_and_is_named(tmp_path: Path) -> None:
    out = run("check", str(tmp_path / "none.txt"))
    assert out.exit_code == 2 and "none.txt: cannot be read" in out.stderr
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    out = run("check", str(tmp_path / "latin.txt"))
    assert out.exit_code == 2 and "not UTF-8 at byte 3" in out.stderr


def test_a_text_that_is_too_long_could_not_be_done() -> None:
    out = run("check", "-", text="a" * 1_000_001)
    assert out.exit_code == 3 and "1,000,001 characters" in out.stderr and not out.stdout


def test_a_bad_option_exits_2() -> None:
    assert run("check", "-", "--regime", "mars", text="a").exit_code == 2


def test_a_pack_of_ones_own_counts_beside_the_shipped_ones(tmp_path: Path) -> None:
    pack = tmp_path / "house.toml"
    pack.write_text(PACK)
    out = run("check", "-", "--pack", str(pack), "--fail-on", "low", text="A zebra. Risk-free.")
    assert out.exit_code == 1 and "OWN101" in out.stdout and "PRO110" in out.stdout
    assert run("rules", "explain", "OWN101", "--pack", str(pack)).stdout.startswith("OWN101 our-own-word")


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
    assert len(listed) == len(load_packs().rules) and {rule["topic"] for rule in listed} == set(TOPICS)
    some = run("rules", "list", "--topic", "tax-claim").stdout.splitlines()
    assert some and all("tax-claim" in line for line in some)


def test_a_rule_is_explained_by_id_or_name_and_an_unknown_one_exits_2() -> None:
    by_id = run("rules", "explain", "PRO101", "--format", "json")
    assert by_id.stdout == run("rules", "explain", "guaranteed-return", "--format", "json").stdout
    assert json.loads(by_id.stdout)["passes"]
    assert "near" in run("rules", "explain", "PRO101").stdout or "passes" in run("rules", "explain", "PRO101").stdout
    unknown = run("rules", "explain", "XYZ999")
    assert unknown.exit_code == 2 and "rules list" in unknown.stderr


def test_the_examples_are_run_and_a_wrong_one_exits_1(tmp_path: Path) -> None:
    assert run("rules", "test").exit_code == 0
    pack = tmp_path / "house.toml"
    pack.write_text(PACK.replace('["A horse"]', '["A zebra too"]'))
    out = run("rules", "test", "--pack", str(pack), "--format", "json")
    assert out.exit_code == 1
    assert json.loads(out.stdout)["wrong"] == [{"rule": "OWN101", "text": "A zebra too", "expected": "pass"}]


def test_rules_are_measured_against_labels(tmp_path: Path) -> None:
    label = {"topic": "guarantee", "span": "Guaranteed returns", "severity": "block"}
    missed = {"topic": "tax-claim", "span": "", "severity": "high"}
    posts = [
        {"id": 1, "text": RISKY, "labels": [label, missed]},
        {"id": 2, "text": "Hello", "labels": []},
        {"id": 3, "text": "Risk-free notes", "labels": []},
    ]
    result = json.loads(run("rules", "evaluate", lines(tmp_path / "a.jsonl", *posts), "--format", "json").stdout)
    assert result["posts"] == {"hit": 1, "missed": 0, "false": 1, "precision": 0.5, "recall": 1.0, "clean": 2}
    assert result["topics"]["guarantee"]["hit"] == 1 and result["topics"]["tax-claim"]["missed"] == 1
    assert result["topics"]["risk-free"]["false"] == 2 and result["worst_severity_right"] == 1.0
    assert "Precision 0.50, recall 1.00" in run("rules", "evaluate", str(tmp_path / "a.jsonl")).stdout
    bad = run("rules", "evaluate", lines(tmp_path / "b.jsonl", {"id": 1, "text": "a"}))
    assert bad.exit_code == 2 and "needs `labels`" in bad.stderr


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
