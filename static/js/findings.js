// Findings on the page: the marks behind the words, and the cards that explain them.

import { make } from "./dom.js";
import { change, toUtf16 } from "./offsets.js";

const RANKS = { low: 0, medium: 1, high: 2, block: 3 };
const WORDS = { block: ["Block", "x-octagon-fill"], high: ["High", "exclamation-triangle-fill"], medium: ["Medium", "exclamation-diamond-fill"], low: ["Low", "info-circle-fill"] };

/** The graver finding is shown where two overlap. */
function owners(text, findings) {
  const owner = new Array(text.length);
  const placed = findings.filter((finding) => finding.start !== null);
  for (const finding of placed.sort((a, b) => RANKS[a.severity] - RANKS[b.severity])) {
    owner.fill(finding, toUtf16(text, finding.start), toUtf16(text, finding.end));
  }
  return owner;
}

/** Underlines `text` in `marks`; the finding of each UTF-16 unit, and that of each mark. */
export function paint(marks, text, findings) {
  const owner = owners(text, findings);
  const pieces = [];
  const found = new Map();
  for (let at = 0; at < text.length; ) {
    let end = at + 1;
    while (end < text.length && owner[end] === owner[at]) end += 1;
    let piece = text.slice(at, end);
    if (owner[at]) {
      piece = make("mark", { class: "finding", "data-severity": owner[at].severity }, piece);
      found.set(piece, owner[at]);
    }
    pieces.push(piece);
    at = end;
  }
  // A last line break has no height of its own in a block.
  marks.replaceChildren(...pieces, "\n");
  return { owner, found };
}

/** The findings of `before` in their places in `after`; those in whose words something changed are left out. */
export function moved(findings, before, after) {
  const { from, to, by } = change(before, after);
  const kept = findings.filter(({ start, end }) => start === null || end <= from || start >= to);
  return kept.map((one) => (one.start === null || one.end <= from ? one : { ...one, start: one.start + by, end: one.end + by }));
}

/** One group for each rule, gravest first. */
export function grouped(findings) {
  const groups = new Map();
  for (const finding of findings) groups.set(finding.rule, [...(groups.get(finding.rule) ?? []), finding]);
  return [...groups.values()].sort((a, b) => RANKS[b[0].severity] - RANKS[a[0].severity]);
}

function icon(name) {
  const sprite = document.querySelector(".icon use").getAttribute("href").split("#")[0];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

function button(words, kind, act) {
  const element = make("button", { type: "button", class: `btn btn-sm ${kind}` }, words);
  element.addEventListener("click", act);
  return element;
}

function several(number, unit) {
  return `${number.toLocaleString("en")} ${number === 1 ? unit.replace(/s$/, "") : unit}`;
}

/** What an edit costs on this network, and whether it fits, in words. */
export function cost({ adds, left, unit, fits }) {
  if (adds < 0) return `Takes ${several(-adds, unit)} away${fits ? "" : ", and the text is still too long"}.`;
  if (fits) return adds ? `Adds ${several(adds, unit)} of the ${left.toLocaleString("en")} left.` : "Is as long as what it replaces.";
  const elsewhere = "shorten the text, put the words in a thread, or link to them where the rule allows it";
  if (left < 0) return `Adds ${several(adds, unit)}, and the text is ${(-left).toLocaleString("en")} over already: ${elsewhere}.`;
  return `Adds ${several(adds, unit)} where ${left.toLocaleString("en")} are left: it does not fit. Instead, ${elsewhere}.`;
}

function outcome({ fits, settles, brings }) {
  if (!settles) return " These words alone do not answer the finding.";
  if (brings.length) return ` The words would bring another finding: ${brings.join(", ")}.`;
  return fits ? " The words answer the finding and bring no other." : "";
}

/** Whether nothing speaks against an edit. */
export function good({ fits, settles, brings }) {
  return fits && settles && !brings.length;
}

/** The words that an edit takes from `text`. */
export function taken(text, { start, end }) {
  return text.slice(toUtf16(text, start), toUtf16(text, end));
}

/** Makes an edit as if it were typed, so that the browser can undo it. */
export function write(area, { start, end, words }) {
  const text = area.value;
  const [from, to] = [toUtf16(text, start), toUtf16(text, end)];
  area.focus();
  area.setSelectionRange(from, to);
  if (words ? document.execCommand("insertText", false, words) : document.execCommand("delete")) return;
  area.setRangeText(words, from, to, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

function verb(edit, finding) {
  if (edit.start === edit.end) return /[.!?]$/.test(edit.words) ? "Add this sentence" : "Add these words";
  if (edit.words) return "Use this wording";
  return edit.start >= finding.start && edit.end <= finding.end + 1 ? "Delete these words" : "Delete this sentence";
}

const AROUND = 40; // code units on each side of an edit: enough to judge whether the sentence still stands

function around(text, { start, end, words }) {
  const [from, to] = [toUtf16(text, start), toUtf16(text, end)];
  const before = from > AROUND ? `…${text.slice(from - AROUND, from).replace(/^\S*/, "")}` : text.slice(0, from);
  const after = text.length - to > AROUND ? `${text.slice(to, to + AROUND).replace(/\S*$/, "")}…` : text.slice(to);
  return `${before}${words}${after}`.trim();
}

/** What an edit would do, and the button that makes it where nothing speaks against it. */
function offer(text, finding, edit, take) {
  const parts = [make("p", { class: "finding-cost", "data-fits": String(edit.fits) }, cost(edit) + outcome(edit))];
  if (good(edit) && edit.start !== edit.end) parts.push(make("p", { class: "finding-then" }, "Then it reads: ", make("q", {}, around(text, edit))));
  if (good(edit)) parts.push(button(verb(edit, finding), "", () => take(edit)));
  return parts;
}

/** Selects the words of a finding of `text` in the box, also where they moved since. */
function select(area, text, { start, end, match }) {
  const at = area.value === text ? toUtf16(text, start) : area.value.indexOf(match);
  area.focus();
  if (at >= 0) area.setSelectionRange(at, area.value === text ? toUtf16(text, end) : at + match.length);
}

/**
 * Everything about what one rule found. The server's word on the edit comes later, through `measured`; `take(edit)`
 * makes it.
 */
export function card(name, area, group, take) {
  const text = area.value;
  const [finding, ...more] = group;
  const [word, shape] = WORDS[finding.severity];
  const chip = make("span", { class: "chip", "data-tone": finding.severity }, icon(shape), word);
  const element = make(name, { class: "finding-card", "data-tone": finding.severity });
  element.append(make("header", {}, chip, make("strong", {}, finding.name)));
  if (finding.match) element.append(make("p", {}, make("q", {}, finding.match), more.length ? ` and ${more.length} more` : ""));
  element.append(make("p", {}, finding.message), make("p", { class: "quiet" }, finding.why));
  const missing = finding.missing.join(", ");
  if (missing && !finding.message.includes(missing)) element.append(make("p", {}, `Still missing: ${missing}`));
  if (finding.citation) element.append(make("p", { class: "finding-cite" }, `${finding.citation} · ${finding.rule}`));
  if (finding.suggestion) element.append(make("div", { class: "finding-instead" }, icon("arrow-right-circle"), make("span", {}, finding.suggestion)));
  const actions = make("div", { class: "actions" });
  if (finding.start !== null) actions.append(button("Select the words", "btn-quiet", () => select(area, text, finding)));
  element.append(actions);
  const measured = (edit) => actions.prepend(...offer(text, finding, edit, take));
  return { element, measured };
}
