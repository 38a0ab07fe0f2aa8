// Findings under the words as they are typed, and what stands beside the composer. Nothing here is stored.

import { announce, make } from "./dom.js";
import { toUtf16 } from "./offsets.js";

const PAUSE = 250; // ms between the last key and the question to the server
const RANKS = { low: 0, medium: 1, high: 2, block: 3 };
const WORDS = { block: ["Block", "x-octagon-fill"], high: ["High", "exclamation-triangle-fill"], medium: ["Medium", "exclamation-diamond-fill"], low: ["Low", "info-circle-fill"] };

const form = document.getElementById("composer");
const beside = document.querySelector("[data-beside]");

function later(act) {
  let timer;
  let asking;
  return () => {
    clearTimeout(timer);
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    timer = setTimeout(() => act(signal).catch(() => {}), PAUSE);
  };
}

function token() {
  return form.elements.csrf_token.value;
}

async function check(channel, text, signal) {
  const body = { text, channel: channel.dataset.network };
  for (const name of ["regime", "product", "audience"]) if (form.elements[name].value) body[name] = form.elements[name].value;
  const answer = await fetch(`/api/v1/check?workspace=${encodeURIComponent(form.dataset.workspace)}`, {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token() },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`the check answered ${answer.status}`);
  return (await answer.json()).findings;
}

/** The graver finding is shown where two overlap. */
function owners(text, findings) {
  const owner = new Array(text.length);
  const placed = findings.filter((finding) => finding.start !== null);
  for (const finding of placed.sort((a, b) => RANKS[a.severity] - RANKS[b.severity])) {
    owner.fill(finding, toUtf16(text, finding.start), toUtf16(text, finding.end));
  }
  return owner;
}

function paint(marks, text, findings) {
  const owner = owners(text, findings);
  const pieces = [];
  for (let at = 0; at < text.length; ) {
    let end = at + 1;
    while (end < text.length && owner[end] === owner[at]) end += 1;
    const words = text.slice(at, end);
    pieces.push(owner[at] ? make("mark", { class: "finding", "data-severity": owner[at].severity }, words) : words);
    at = end;
  }
  // A last line break has no height of its own in a block.
  marks.replaceChildren(...pieces, "\n");
  return owner;
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

/** The words that a suggestion quotes, where they can be taken as they are. */
function wording(finding) {
  const quoted = [...finding.suggestion.matchAll(/“([^”]+)”/g)].map((found) => found[1]);
  if (!quoted.length || /[[\]…]|\bx%/.test(quoted[0])) return null;
  return /^(Delete|Remove|Begin)/.test(finding.suggestion) ? null : quoted[0];
}

function replace(area, start, end, words) {
  area.focus();
  area.setRangeText(words, start, end, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

/** One click: the words in place of those found, or at the end where something is missing. */
function take(area, finding, words) {
  const text = area.value;
  if (finding.start === null || finding.suggestion.startsWith("Add")) {
    const gap = text === "" || /\s$/.test(text) ? "" : /[.!?]$/.test(text) ? " " : ". ";
    return replace(area, text.length, text.length, gap + words);
  }
  const start = toUtf16(text, finding.start);
  const end = toUtf16(text, finding.end);
  return replace(area, start, end, words);
}

function card(area, group) {
  const [finding, ...more] = group;
  const [word, shape] = WORDS[finding.severity];
  const chip = make("span", { class: "chip", "data-tone": finding.severity }, icon(shape), word);
  const element = make("li", { class: "finding-card", "data-tone": finding.severity });
  const header = make("header", {}, chip, make("strong", {}, finding.name));
  element.append(header);
  if (finding.match) element.append(make("p", {}, make("q", {}, finding.match), more.length ? ` and ${more.length} more` : ""));
  element.append(make("p", {}, finding.message), make("p", { class: "quiet" }, finding.why));
  if (finding.citation) element.append(make("p", { class: "finding-cite" }, `${finding.citation} · ${finding.rule}`));
  if (finding.suggestion) element.append(make("div", { class: "finding-instead" }, icon("arrow-right-circle"), make("span", {}, finding.suggestion)));
  const words = wording(finding);
  const actions = make("div", { class: "actions" });
  if (words) {
    const use = make("button", { type: "button", class: "btn btn-sm" }, "Use this wording");
    use.addEventListener("click", () => take(area, finding, words));
    actions.append(use);
  }
  if (finding.start !== null) {
    const show = make("button", { type: "button", class: "btn btn-sm btn-quiet" }, "Show");
    show.addEventListener("click", () => {
      area.focus();
      area.setSelectionRange(toUtf16(area.value, finding.start), toUtf16(area.value, finding.end));
    });
    actions.append(show);
  }
  if (actions.childElementCount) element.append(actions);
  return element;
}

/** One card for each rule, gravest first. */
function grouped(findings) {
  const groups = new Map();
  for (const finding of findings) groups.set(finding.rule, [...(groups.get(finding.rule) ?? []), finding]);
  return [...groups.values()].sort((a, b) => RANKS[b[0].severity] - RANKS[a[0].severity]);
}

function watch(channel) {
  const area = channel.querySelector("textarea");
  const marks = channel.querySelector(".editor-marks");
  const list = channel.querySelector("[data-findings]");
  const box = channel.querySelector("input[name=channel]");
  let owner = [];
  let cards = new Map();

  function show(findings) {
    const text = area.value;
    owner = paint(marks, text, findings);
    const groups = grouped(findings);
    cards = new Map(groups.map((group) => [group[0].rule, card(area, group)]));
    list.replaceChildren(...cards.values());
    const blocks = groups.filter((group) => group[0].severity === "block").length;
    announce(groups.length ? `${groups.length} findings, ${blocks} blocking` : "No finding");
  }

  const ask = later(async (signal) => {
    const text = area.value;
    if (!text.trim()) return show([]);
    const findings = await check(channel, text, signal);
    if (!signal.aborted && area.value === text) show(findings);
  });

  function point() {
    const finding = owner[area.selectionStart] ?? owner[area.selectionStart - 1];
    for (const [rule, element] of cards) element.classList.toggle("lit", finding?.rule === rule);
  }

  area.addEventListener("input", () => {
    // What was found stays where it was until the answer comes: plain words are better than wrong underlining.
    marks.replaceChildren(area.value, "\n");
    owner = [];
    ask();
  });
  area.addEventListener("keyup", point);
  area.addEventListener("click", point);
  box.addEventListener("change", () => {
    if (box.checked) ask();
  });
  return () => {
    if (box.checked) ask();
  };
}

const refresh = later(async (signal) => {
  const data = new FormData(form);
  for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
  const answer = await fetch(form.dataset.previewUrl, { method: "POST", signal, body: data, headers: { "X-CSRFToken": token() } });
  if (!answer.ok || signal.aborted) return;
  const part = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  if (signal.aborted) return;
  for (const preview of part.querySelectorAll("[data-preview]")) {
    const meter = preview.querySelector("[data-count-meter]");
    const place = form.querySelector(`[data-channel="${CSS.escape(preview.dataset.preview)}"] [data-meter]`);
    if (meter && place) place.replaceChildren(meter.cloneNode(true));
  }
  const asked = Number(part.querySelector("[data-asked]").dataset.asked);
  const words = asked ? `Submit for review, ${asked} ${asked === 1 ? "stage" : "stages"}` : "Submit: no stage asks";
  for (const button of document.querySelectorAll("[data-submit]")) button.textContent = words;
  beside.replaceChildren(...part.childNodes);
});

function watchImages() {
  const first = form.querySelector("[data-image-row]");
  form.querySelector("[data-add-image]").addEventListener("click", (event) => {
    const number = form.querySelectorAll("[data-image-row]").length;
    const row = first.cloneNode(true);
    for (const element of row.querySelectorAll("[id], [for], [aria-describedby]")) {
      for (const name of ["id", "for", "aria-describedby"]) {
        const value = element.getAttribute(name);
        if (value) element.setAttribute(name, value.replace("-0", `-${number}`));
      }
      if ("value" in element) element.value = "";
    }
    event.target.closest("button").before(row);
    row.querySelector("input[type=file]").focus();
  });
}

let changed = false;
const asks = [...form.querySelectorAll("[data-channel]")].map(watch);
for (const ask of asks) ask();
form.addEventListener("input", (event) => {
  changed = true;
  if (["regime", "product", "audience"].includes(event.target.name)) for (const ask of asks) ask();
  refresh();
});
form.addEventListener("submit", () => {
  changed = false;
});
window.addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
watchImages();
document.getElementById("troubles")?.focus();
// What was saved but not submitted is shown in answer to the form: loading it again opens the draft, and makes no other.
const saves = form.getAttribute("action"); // form.action is the button of that name
if (saves.endsWith("/edit")) history.replaceState(null, "", saves);
