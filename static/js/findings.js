// Findings on the page: the marks behind the words, and the cards that explain them.

import { make } from "./dom.js";
import { toUtf16 } from "./offsets.js";

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

/** What taking the suggested words would do, and the button that takes them where nothing speaks against it. */
function offer(area, text, edit) {
  const take = () => {
    if (area.value !== text) return; // Other words stand there by now: they were not what was measured.
    area.focus();
    area.setRangeText(edit.words, toUtf16(text, edit.start), toUtf16(text, edit.end), "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const good = edit.fits && edit.settles && !edit.brings.length;
  const parts = [make("p", { class: "finding-cost", "data-fits": String(edit.fits) }, cost(edit) + outcome(edit))];
  if (good) parts.push(button("Use this wording", "", take));
  return parts;
}

/** Everything about what one rule found. The server's word on the edit comes later, through `measured`. */
export function card(name, area, group) {
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
  const show = () => {
    area.focus();
    area.setSelectionRange(toUtf16(text, finding.start), toUtf16(text, finding.end));
  };
  if (finding.start !== null) actions.append(button("Show", "btn-quiet", show));
  element.append(actions);
  const measured = (edit) => actions.prepend(...offer(area, text, edit));
  return { element, measured };
}
