// One version of a post as it is typed: the findings under its words, their cards, and the edits that answer them.

import { check, later } from "./asking.js";
import { announce, make } from "./dom.js";
import { card, good, grouped, moved, paint, taken, write } from "./findings.js";
import { peek } from "./peek.js";

const UNASKED = "The rules could not be asked just now. They are asked again as you type, and when you submit.";
const IDLE = 700; // ms between findings that are shown and the question what their suggestions would do

/** What an edit does, whatever stands between a sentence and the one before it: the same in two texts, or not. */
function same(text, edit) {
  return JSON.stringify([taken(text, edit).trim(), edit.words.replace(/^[.\s]+/, "")]);
}

export class Version {
  #findings = []; // of the text #judged
  #judged = "";
  #groups = new Map();
  #cards = new Map();
  #edits = new Map(); // of the text #measured
  #measured = null;
  #elsewhere = null;

  /** `versions` gives all of the post, this one too. */
  constructor(channel, form, versions) {
    [this.channel, this.form, this.versions] = [channel, form, versions];
    this.area = channel.querySelector("textarea");
    this.marks = channel.querySelector(".editor-marks");
    this.list = channel.querySelector("[data-findings]");
    this.box = channel.querySelector("input[name=channel]");
    this.near = peek(this.area, this.marks, (finding) => this.#described(finding), (finding) => this.#light(finding));
    this.judge = later((signal) => this.#judge(signal));
    // To judge each suggestion takes the server far longer than to find: it is asked once the writer pauses.
    this.measure = later((signal) => this.#measure(signal), IDLE);
    this.area.addEventListener("input", () => this.#typed());
    this.area.addEventListener("scroll", () => this.#scrolled());
    this.box.addEventListener("change", () => this.ask());
  }

  /** Has the text judged, if the post goes out on this channel. */
  ask() {
    if (this.box.checked) this.judge();
  }

  async #judge(signal) {
    const text = this.area.value;
    if (!text.trim()) return this.#show([]);
    try {
      const found = await check(this.form, this.channel.dataset.network, text, signal);
      if (!signal.aborted && this.area.value === text) this.#show(found);
    } catch {
      if (!signal.aborted) this.#unasked();
    }
  }

  /** Nobody should take an old answer, or none, for that of the rules. */
  #unasked() {
    [this.#findings, this.#cards] = [[], new Map()];
    this.#group();
    this.#repaint();
    this.list.replaceChildren(make("li", { class: "quiet small" }, UNASKED));
    announce(UNASKED);
  }

  async #measure(signal) {
    const text = this.area.value;
    const found = await check(this.form, this.channel.dataset.network, text, signal, { edits: true });
    if (signal.aborted || this.area.value !== text) return;
    this.#edits = new Map(found.filter(({ edit }) => edit).map(({ rule, edit }) => [rule, edit]));
    this.#measured = text;
    for (const [rule, edit] of this.#edits) this.#cards.get(rule)?.measured(edit);
    this.near.again();
  }

  #show(found) {
    [this.#findings, this.#judged] = [found, this.area.value];
    this.#group();
    this.#cards = new Map([...this.#groups.keys()].map((rule) => [rule, this.#card("li", rule)]));
    [this.#edits, this.#measured] = [new Map(), null];
    this.#repaint();
    this.list.replaceChildren(...[...this.#cards.values()].map(({ element }) => element));
    const blocks = [...this.#groups.values()].filter(([finding]) => finding.severity === "block").length;
    announce(this.#groups.size ? `${this.#groups.size} findings, ${blocks} blocking` : "No finding");
    if (this.#groups.size) this.measure();
  }

  /** Until the answer comes, what was found stands in its place still; where the words changed, it is unsure. */
  #typed() {
    [this.#findings, this.#judged] = [moved(this.#findings, this.#judged, this.area.value), this.area.value];
    this.#group();
    for (const [rule, { element }] of this.#cards) element.toggleAttribute("data-stale", !this.#groups.has(rule));
    this.#repaint();
    this.#elsewhere?.remove();
    this.judge();
  }

  #scrolled() {
    this.marks.scrollTop = this.area.scrollTop;
    this.near.follow();
  }

  #group() {
    this.#groups = new Map(grouped(this.#findings).map((group) => [group[0].rule, group]));
  }

  #repaint() {
    this.near.over(paint(this.marks, this.area.value, this.#findings));
    this.marks.scrollTop = this.area.scrollTop;
  }

  #card(tag, rule) {
    const group = this.#groups.get(rule);
    return card(tag, this.area, group, (edit) => this.#take(group[0], edit));
  }

  #described({ rule }) {
    const made = this.#card("div", rule);
    if (this.#edits.has(rule) && this.#measured === this.area.value) made.measured(this.#edits.get(rule));
    return made.element;
  }

  #light(finding) {
    for (const [rule, { element }] of this.#cards) element.classList.toggle("lit", finding?.rule === rule);
  }

  /** Makes an edit of the text that was measured, and takes what it answers off the page. */
  #take(finding, edit) {
    if (this.area.value !== this.#measured) return; // Other words stand there by now: they were not what was measured.
    const key = same(this.#measured, edit);
    this.#findings = this.#findings.filter((one) => one.rule !== finding.rule || one.start !== finding.start);
    write(this.area, edit);
    if (!this.#groups.has(finding.rule)) this.#cards.get(finding.rule)?.element.remove();
    this.#offer(this.versions().map((version) => version.#like(finding.rule, key)).filter(Boolean));
  }

  /** The same edit in this text, if its rule asks for it here too. */
  #like(rule, key) {
    const edit = this.#edits.get(rule);
    if (!this.box.checked || !edit || this.area.value !== this.#measured || !good(edit) || same(this.#measured, edit) !== key) return null;
    return { name: this.channel.getAttribute("aria-label"), take: () => this.#take(this.#groups.get(rule)[0], edit) };
  }

  #offer(others) {
    if (!others.length) return;
    const names = new Intl.ListFormat("en").format(others.map(({ name }) => name));
    const act = make("button", { type: "button", class: "btn btn-sm" }, "Apply to all versions");
    this.#elsewhere = make("div", { class: "notice elsewhere", "data-tone": "accent" }, make("p", {}, `It can be done the same way in ${names}.`), act);
    act.addEventListener("click", () => {
      for (const other of others) other.take();
      for (const notice of this.form.querySelectorAll(".elsewhere")) notice.remove();
      this.area.focus();
      announce(`Applied in ${names} too.`);
    });
    this.area.parentElement.after(this.#elsewhere);
  }
}
