"""`approval check` and `approval rules`: the rule engine at the command line, without a database."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from approval import clock, rules
from approval.rules import Facts, Finding, RuleError, RuleSet, Severity

from .evaluation import Labelled, evaluate, is_label
from .inputs import Source, bytes_of, named, newlines, posts, refuse, sources, text_of
from .reports import REPORTS, Checked, as_essay, as_false_alarms, as_misses, as_table

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


class Piped(click.Command):
    """A command that ends without a word where nobody reads its answer any more; the answer is then unknown."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Python flushes stdout once more at exit (docs of `signal`, note on SIGPIPE); what it holds goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(3) from None


class PipedGroup(click.Group):
    """Commands that each end so."""

    command_class = Piped


@click.command(cls=Piped)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--channel", type=click.Choice(rules.NETWORKS), help="The network on which it would appear.")
@click.option("--regime", type=click.Choice(rules.REGIMES), help="Whose law it is under.")
@click.option("--product", metavar="SLUG", help="What it is about; `approval rules products` lists the slugs.")
@click.option("--audience", type=click.Choice(rules.AUDIENCES), help="Whom it is for.")
@click.option("--entity-type", type=click.Choice(rules.ENTITY_TYPES), help="What kind of firm publishes it.")
@click.option("--language", metavar="CODE", help="Two letters, such as en.")
@packs
@click.option("--batch", is_flag=True, help="Each FILE is a batch whatever its name, standard input too.")
@click.option("--format", "shape", type=click.Choice(list(REPORTS)), help="text; jsonl for a batch alone.")
@click.option(
    "--fail-on",
    type=click.Choice(["block", "high", "medium", "low", "never"]),
    default="block",
    show_default=True,
    help="The least severity that exits 1.",
)
@click.option("--progress", is_flag=True, help="Tell on stderr how far it is, even where that is no terminal.")
def check(
    files: tuple[str, ...],
    pack_files: tuple[Path, ...],
    batch: bool,
    shape: str | None,
    fail_on: str,
    progress: bool,
    **given: str | None,
) -> None:
    """Says what the rules find in texts: FILEs, or - for standard input. A .jsonl FILE is a batch, one post per line.

    Of a folder, every .txt, .md and .jsonl file below it is read. Exits with 1 where a finding is at least as grave
    as --fail-on says.
    """
    ruleset = _ruleset(pack_files)
    inputs = sources(files or ("-",), batch=batch)
    is_one_text = not any(source.is_batch or source.named for source in inputs)
    is_one_batch = not is_one_text and not inputs[0].named
    tally = Tally()
    checked = tally.over(_checked(ruleset, inputs, given))
    if progress or (sys.stderr.isatty() and not is_one_text):
        checked = tally.told(checked)
    for piece in REPORTS[shape or ("jsonl" if is_one_batch else "text")](ruleset, checked):
        click.echo(piece, nl=False)
    if fail_on != "never" and tally.worst >= Severity(fail_on).rank:
        raise click.exceptions.Exit(1)


class Tally:
    """Counts what went through."""

    def __init__(self) -> None:
        self.posts = self.found = 0
        self.worst = -1

    def over(self, checked: Iterable[Checked]) -> Iterator[Checked]:
        """The same, counted."""
        for one in checked:
            self.posts += 1
            self.found += len(one.findings)
            self.worst = max([self.worst, *(finding.severity.rank for finding in one.findings)])
            yield one

    def told(self, checked: Iterable[Checked]) -> Iterator[Checked]:
        """The same, with a line on stderr about every second and one at the end."""
        begun = said = clock.monotonic()
        for one in checked:
            yield one
            if clock.monotonic() - said >= 1:
                said = clock.monotonic()
                self._say(said - begun)
        self._say(clock.monotonic() - begun)

    def _say(self, seconds: float) -> None:
        pace = self.posts / max(seconds, 0.001)
        click.echo(f"{self.posts:,} done, {pace:,.0f} a second, {self.found:,} found", err=True)


def _checked(ruleset: RuleSet, read: Sequence[Source], given: Mapping[str, str | None]) -> Iterator[Checked]:
    said: set[str] = set()
    for source in read:
        if source.is_batch:
            for where, post in posts(source.file):
                facts = _facts({**given, **_told_of(post)}, said, where)
                text = newlines(post["text"])
                findings = _judged(ruleset, text, facts, where)
                yield Checked(source.file, {**source.named, "id": post["id"]}, text, findings)
        else:
            facts = _facts(given, said)
            text = text_of(source.file)
            where = f"{named(source.file)}: " if source.named else ""
            yield Checked(source.file, source.named, text, _judged(ruleset, text, facts, where))


@click.group(name="rules", cls=PipedGroup)
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
    click.echo(as_essay(about), nl=False)


@rules_group.command()
@listing
@packs
def test(shape: str, pack_files: tuple[Path, ...]) -> None:
    """Runs the examples of every rule: each must flag what it says it flags, and pass what it says passes.

    No rule may flag the words that it suggests.
    """
    ruleset = _ruleset(pack_files)
    wrong = [failure.as_json() for failure in rules.failures(ruleset)]
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
@click.option("--misses", is_flag=True, help="List each label that no finding met.")
@click.option("--false-alarms", is_flag=True, help="List each finding that no label asked for.")
@click.option("--topic", type=click.Choice(rules.TOPICS), help="Only the labels and findings of one topic.")
@listing
@packs
def evaluate_rules(
    file: str, misses: bool, false_alarms: bool, topic: str | None, shape: str, pack_files: tuple[Path, ...]
) -> None:
    """Precision and recall of the rules against FILE.jsonl, labelled as the corpus is; JSON has each miss, too.

    A post counts as flagged at medium or worse.
    """
    result = evaluate(_labelled(_ruleset(pack_files), file))
    if not result.clean and not result.posts.hit and not result.posts.missed:
        refuse(f"{named(file)}: holds no post; give a file of labelled posts, one per line.")
    if topic is not None:
        result = result.of_topic(topic)
    if shape == "json":
        click.echo(json.dumps(result.as_json(), ensure_ascii=False, indent=2))
        return
    click.echo(as_table(result), nl=False)
    if misses:
        click.echo(as_misses(result), nl=False)
    if false_alarms:
        click.echo(as_false_alarms(result), nl=False)


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
    try:
        shipped = rules.load_packs()
    except RuleError as error:
        refuse(f"The shipped packs cannot be read: {error}", code=3)
    if not files:
        return shipped
    sources = dict(shipped.sources)
    for file in files:
        if file.stem in sources:
            refuse(f"{file}: a pack is already called “{file.stem}”; give the file another name.")
        sources[file.stem] = bytes_of(str(file))
    try:
        return RuleSet.parse(sources)
    except RuleError as error:
        refuse(str(error))


def _labelled(ruleset: RuleSet, file: str) -> Iterator[Labelled]:
    said: set[str] = set()
    for where, post in posts(file):
        labels, source = post.get("labels"), post.get("source")
        if not isinstance(labels, list) or not all(is_label(label) for label in labels):
            refuse(f"{where}needs `labels`, a list of objects with topic, span and severity.")
        if source is not None and not isinstance(source, str):
            refuse(f"{where}source must be a string, such as “own; paraphrase”.")
        text = newlines(post["text"])
        findings = _judged(ruleset, text, _facts(_told_of(post), said, where), where)
        labels = [{**label, "span": newlines(label["span"])} for label in labels]
        yield Labelled(post["id"], text, findings, labels, source)


def _judged(ruleset: RuleSet, text: str, facts: Facts, where: str = "") -> tuple[Finding, ...]:
    try:
        return ruleset.check_facts(text, facts)
    except RuleError as error:
        refuse(f"{where}{error}", code=3)


def _told_of(post: Mapping[str, Any]) -> dict[str, Any]:
    return {key: post[key] for key in FACTS if post.get(key) is not None}


def _facts(given: Mapping[str, Any], said: set[str], where: str = "") -> Facts:
    """The facts as the rules know them; an unknown product is read as `other`, and said once."""
    for key, value in given.items():
        if value is not None and (not isinstance(value, str) or value not in _ALLOWED.get(key, (value,))):
            refuse(f"{where}{key} must be one of {', '.join(_ALLOWED.get(key, ('a string',)))}, not {value!r}.")
    product = given.get("product")
    if product is not None and product not in rules.PRODUCTS and product not in said:
        read_as = rules.known(product)
        click.echo(f"{where}product “{product}” is not on the list and is read as `{read_as}`.", err=True)
        said.add(product)
    return Facts(**given, on=clock.host_date())
