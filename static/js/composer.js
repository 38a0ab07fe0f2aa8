// Findings under the words as they are typed, and what stands beside the composer. Nothing here is stored.

import { announce } from "./dom.js";
import { card, grouped, paint } from "./findings.js";
import { peek } from "./peek.js";

const PAUSE = 250; // ms between the last key and the question to the server
const IDLE = 700; // ms between findings that are shown and the question what their suggestions would do

const form = document.getElementById("composer");
const beside = document.querySelector("[data-beside]");

function later(act, pause = PAUSE) {
  let timer;
  let asking;
  return () => {
    clearTimeout(timer);
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    timer = setTimeout(() => act(signal).catch(() => {}), pause);
  };
}

function token() {
  return form.elements.csrf_token.value;
}

async function check(channel, text, signal, more = {}) {
  const body = { text, channel: channel.dataset.network, ...more };
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

function watch(channel) {
  const area = channel.querySelector("textarea");
  const marks = channel.querySelector(".editor-marks");
  const list = channel.querySelector("[data-findings]");
  const box = channel.querySelector("input[name=channel]");
  let groups = new Map();
  let cards = new Map();
  let edits = new Map();

  function described(finding) {
    const { element, measured } = card("div", area, groups.get(finding.rule));
    if (edits.has(finding.rule)) measured(edits.get(finding.rule));
    return element;
  }

  function light(finding) {
    for (const [rule, { element }] of cards) element.classList.toggle("lit", finding?.rule === rule);
  }

  const near = peek(area, marks, described, light);

  function show(findings) {
    groups = new Map(grouped(findings).map((group) => [group[0].rule, group]));
    cards = new Map([...groups].map(([rule, group]) => [rule, card("li", area, group)]));
    edits = new Map();
    near.over(paint(marks, area.value, findings));
    list.replaceChildren(...[...cards.values()].map(({ element }) => element));
    const blocks = [...groups.values()].filter(([finding]) => finding.severity === "block").length;
    announce(groups.size ? `${groups.size} findings, ${blocks} blocking` : "No finding");
    if (groups.size) measure();
  }

  const ask = later(async (signal) => {
    const text = area.value;
    if (!text.trim()) return show([]);
    const findings = await check(channel, text, signal);
    if (!signal.aborted && area.value === text) show(findings);
  });

  // To judge each suggestion takes the server far longer than to find: it is asked once the writer pauses.
  const measure = later(async (signal) => {
    const text = area.value;
    const findings = await check(channel, text, signal, { edits: true });
    if (signal.aborted || area.value !== text) return;
    edits = new Map(findings.filter(({ edit }) => edit).map(({ rule, edit }) => [rule, edit]));
    for (const [rule, edit] of edits) cards.get(rule)?.measured(edit);
    near.again();
  }, IDLE);

  area.addEventListener("input", () => {
    // What was found stays where it was until the answer comes: plain words are better than wrong underlining.
    marks.replaceChildren(area.value, "\n");
    near.over({ owner: [], found: new Map() });
    ask();
  });
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
