"""`approval check` and `approval rules`: the rule engine at the command line, without a database."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click

from approval import clock, rules
from approval.rules import Facts, Finding, RuleError, RuleSet, Severity

from .evaluation import Evaluation, evaluate
from .reports import as_sarif, as_text

FACTS = ("channel", "regime", "product", "audience", "entity_type", "language")
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "channel": rules.NETWORKS,
    "regime": rules.REGIMES,
    "audience": rules.AUDIENCES,
    "entity_type": rules.ENTITY_TYPES,
}
listing = click.option(
    "--format", "shape", type=click.Choice(["text", "json"]), default="text", help="How the answer is written."
)
packs = click.option(
    "--pack",
    "pack_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A pack of your own beside the shipped ones; may be repeated.",
)


def refuse(message: str, *, code: int = 2) -> NoReturn:
    """Ends the command with a message on stderr."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(code)


@click.command()
@click.argument("file", default="-")
@click.option("--channel", type=click.Choice(rules.NETWORKS), help="The network on which it would appear.")
@click.option("--regime", type=click.Choice(rules.REGIMES), help="Whose law it is under.")
@click.option("--product", metavar="SLUG", help="What it is about; `approval rules products` lists the slugs.")
@click.option("--audience", type=click.Choice(rules.AUDIENCES), help="Whom it is for.")
@click.option("--entity-type", type=click.Choice(rules.ENTITY_TYPES), help="What kind of firm publishes it.")
@click.option("--language", metavar="CODE", help="Two letters, such as en.")
@packs
@click.option(
    "--format", "shape", type=click.Choice(["text", "json", "jsonl", "sarif"]), help="text; jsonl for a .jsonl file."
)
@click.option(
    "--fail-on",
    type=click.Choice(["block", "high", "medium", "low", "never"]),
    default="block",
    show_default=True,
    help="The least severity that exits 1.",
)
def check(file: str, pack_files: tuple[Path, ...], shape: str | None, fail_on: str, **given: str | None) -> None:
    """Says what the rules find in a text: FILE, or - for standard input. A .jsonl FILE is a batch, one post per line.

    Exits with 1 where a finding is at least as grave as --fail-on says.
    """
    ruleset = _ruleset(pack_files)
    if file.endswith(".jsonl"):
        worst = _check_batch(ruleset, file, given, shape or "jsonl")
    else:
        worst = _check_one(ruleset, file, given, shape or "text")
    if fail_on != "never" and worst >= Severity(fail_on).rank:
        raise click.exceptions.Exit(1)


def _check_one(ruleset: RuleSet, file: str, given: Mapping[str, str | None], shape: str) -> int:
    facts = _facts(given)
    text = _text_of(file)
    findings = _judged(ruleset, text, facts)
    if shape == "text":
        click.echo(as_text(text, findings), nl=False)
    elif shape == "sarif":
        click.echo(json.dumps(as_sarif(ruleset, [(file, text, findings)]), ensure_ascii=False, indent=2))
    else:
        answer = {"digest": ruleset.digest, "findings": [finding.as_json() for finding in findings]}
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2 if shape == "json" else None))
    return _worst(findings)


def _check_batch(ruleset: RuleSet, file: str, given: Mapping[str, str | None], shape: str) -> int:
    worst, whole = -1, []
    said: set[str] = set()
    for number, post in _lines(file):
        facts = _facts(
            {**given, **{key: post[key] for key in FACTS if post.get(key) is not None}},
            said,
            f"{file}, line {number}: ",
        )
        text = _newlines(post["text"])
        findings = _judged(ruleset, text, facts)
        worst = max(worst, _worst(findings))
        line = {"id": post["id"], "digest": ruleset.digest, "findings": [finding.as_json() for finding in findings]}
        if shape == "jsonl":
            click.echo(json.dumps(line, ensure_ascii=False))
        elif shape == "text":
            click.echo(f"== {post['id']}\n{as_text(text, findings)}", nl=False)
        else:
            whole.append((line, text, findings))
    if shape == "json":
        click.echo(json.dumps([line for line, _, _ in whole], ensure_ascii=False, indent=2))
    elif shape == "sarif":
        results = [(f"{file}#{line['id']}", text, findings) for line, text, findings in whole]
        click.echo(json.dumps(as_sarif(ruleset, results), ensure_ascii=False, indent=2))
    return worst


@click.group(name="rules")
def rules_group() -> None:
    """The packs: what they hold, why, and how well they do."""


@rules_group.command("list")
@listing
@packs
@click.option("--topic", type=click.Choice(rules.TOPICS), help="Only the rules of one topic.")
def list_rules(shape: str, pack_files: tuple[Path, ...], topic: str | None) -> None:
    """Lists every rule."""
    found = [rule for rule in _ruleset(pack_files).rules if topic in (None, rule.topic)]
    if shape == "json":
        keys = ("id", "name", "kind", "topic", "severity", "pack")
        click.echo(json.dumps([{key: getattr(rule, key) for key in keys} for rule in found], indent=2))
        return
    for rule in found:
        click.echo(f"{rule.id:8} {rule.severity:6} {rule.topic:30} {rule.name}")


@rules_group.command()
@click.argument("rule_id", metavar="ID")
@listing
@packs
def explain(rule_id: str, shape: str, pack_files: tuple[Path, ...]) -> None:
    """Shows one rule: what it finds, why, where that is written, what to do, and its examples."""
    try:
        rule = _ruleset(pack_files).rule(rule_id)
    except KeyError:
        refuse(f"There is no rule {rule_id}. `approval rules list` names them all.")
    keys = ("id", "name", "pack", "kind", "topic", "severity", "message", "why", "citation", "suggestion")
    about: dict[str, Any] = {key: getattr(rule, key) for key in keys}
    about["scope"] = {
        k: sorted(v) if isinstance(v, frozenset) else v.isoformat() for k, v in asdict(rule.scope).items() if v
    }
    about["flags"] = [example.text for example in rule.flags]
    about["passes"] = [example.text for example in rule.passes]
    if shape == "json":
        click.echo(json.dumps(about, ensure_ascii=False, indent=2))
        return
    click.echo(f"{rule.id} {rule.name}\n")
    for key in ("message", "why", "citation", "suggestion", "topic", "severity", "pack", "kind"):
        click.echo(f"{key:12}{about[key]}")
    for key, values in about["scope"].items():
        click.echo(f"{key:12}{values if isinstance(values, str) else ', '.join(values)}")
    for key in ("flags", "passes"):
        click.echo(f"\n{key}")
        for text in about[key]:
            click.echo(f"  - {text}")


@rules_group.command()
@listing
@packs
def test(shape: str, pack_files: tuple[Path, ...]) -> None:
    """Runs the examples of every rule: each must flag what it says it flags, and pass what it says passes."""
    ruleset = _ruleset(pack_files)
    wrong = [failure.as_json() for failure in ruleset.failures()]
    examples = sum(len(rule.flags) + len(rule.passes) for rule in ruleset.rules)
    if shape == "json":
        answer = {"digest": ruleset.digest, "rules": len(ruleset.rules), "examples": examples, "wrong": wrong}
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        for failure in wrong:
            click.echo(f"{failure['rule']}: must {failure['expected']}: {failure['text']}")
        click.echo(f"{len(ruleset.rules)} rules, {examples} examples, {len(wrong)} wrong.")
    if wrong:
        raise click.exceptions.Exit(1)


@rules_group.command("evaluate")
@click.argument("file")
@listing
@packs
def evaluate_rules(file: str, shape: str, pack_files: tuple[Path, ...]) -> None:
    """Precision and recall of the rules against FILE.jsonl, labelled as the corpus is."""
    ruleset = _ruleset(pack_files)
    posts = []
    for number, post in _lines(file):
        if not isinstance(post.get("labels"), list) or not all(_is_label(label) for label in post["labels"]):
            refuse(f"{file}, line {number}: needs `labels`, a list of objects with topic, span and severity.")
        posts.append(
            (_newlines(post["text"]), _facts({key: post.get(key) for key in FACTS}, set(), ""), post["labels"])
        )
    result = evaluate(ruleset, posts)
    click.echo(json.dumps(result.as_json(), indent=2) if shape == "json" else _table(result))


@rules_group.command()
@listing
def products(shape: str) -> None:
    """Lists the product slugs, each with the class that the packs reason with."""
    if shape == "json":
        click.echo(
            json.dumps([{"product": slug, "class": rules.PRODUCTS[slug]} for slug in sorted(rules.PRODUCTS)], indent=2)
        )
        return
    for slug in sorted(rules.PRODUCTS):
        click.echo(f"{slug:24} {rules.PRODUCTS[slug]}")


COMMANDS: list[click.Command] = [check, rules_group]


def _ruleset(files: tuple[Path, ...]) -> RuleSet:
    if not files:
        return rules.load_packs()
    sources = dict(rules.load_packs().sources)
    for file in files:
        if file.stem in sources:
            refuse(f"{file}: a pack is already called “{file.stem}”; give the file another name.")
        sources[file.stem] = _bytes_of(str(file))
    try:
        return RuleSet.parse(sources)
    except RuleError as error:
        refuse(str(error))


def _judged(ruleset: RuleSet, text: str, facts: Facts) -> tuple[Finding, ...]:
    try:
        return ruleset.check_facts(text, facts)
    except RuleError as error:
        refuse(str(error), code=3)


def _facts(given: Mapping[str, Any], said: set[str] | None = None, where: str = "") -> Facts:
    """The facts as the rules know them; an unknown product is read as `other`, and said once."""
    for key, value in given.items():
        if value is not None and (not isinstance(value, str) or value not in _ALLOWED.get(key, (value,))):
            refuse(f"{where}{key} must be one of {', '.join(_ALLOWED.get(key, ('a string',)))}, not {value!r}.")
    product = given.get("product")
    if product is not None and product not in rules.PRODUCTS and (said is None or product not in said):
        click.echo(f"{where}product “{product}” is not known and is read as `other`.", err=True)
        if said is not None:
            said.add(product)
    return Facts(**given, on=clock.host_date())


def _lines(file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_decoded(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            post = json.loads(line)
        except (ValueError, RecursionError) as error:
            refuse(f"{file}, line {number}: is not JSON: {error}")
        if (
            not isinstance(post, dict)
            or not isinstance(post.get("text"), str)
            or not isinstance(post.get("id"), (str, int))
        ):
            refuse(f"{file}, line {number}: must be an object with `id` and `text`.")
        yield number, post


def _text_of(file: str) -> str:
    return _newlines(_decoded(file))


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(file: str) -> str:
    try:
        return _bytes_of(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(f"{_named(file)}: is not UTF-8 at byte {error.start}; save it as UTF-8.")


def _bytes_of(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        refuse(f"{_named(file)}: cannot be read: {error.strerror}.")


def _named(file: str) -> str:
    return "standard input" if file == "-" else file


def _is_label(label: Any) -> bool:
    return (
        isinstance(label, dict)
        and label.get("topic") in rules.TOPICS
        and isinstance(label.get("span"), str)
        and label.get("severity") in tuple(Severity)
    )


def _worst(findings: tuple[Finding, ...]) -> int:
    return max((finding.severity.rank for finding in findings), default=-1)


def _table(result: Evaluation) -> str:
    lines = [f"{'topic':32} {'hit':>5} {'missed':>7} {'false':>6} {'precision':>10} {'recall':>7}"]
    lines += [
        f"{topic:32} {score.hit:5} {score.missed:7} {score.false:6} {score.precision:10.2f} {score.recall:7.2f}"
        for topic, score in sorted(result.topics.items())
    ]
    posts = result.posts
    flawed = posts.hit + posts.missed
    lines.append(f"\nPosts: {posts.hit} of {flawed} flawed ones flagged, {posts.false} of {result.clean} clean ones.")
    lines.append(f"Precision {posts.precision:.2f}, recall {posts.recall:.2f}; topics F1 {result.topic_f1:.2f}.")
    lines.append(f"Worst severity right on {result.worst_right:.2f} of the flawed.")
    return "\n".join(lines)
