// Findings under the words as they are typed, and what stands beside the composer. Nothing here is stored.

import { announce, make } from "./dom.js";
import { card, good, grouped, moved, paint, taken, write } from "./findings.js";
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

/** What an edit does, whatever stands between a sentence and the one before it: the same in two texts, or not. */
function same(text, edit) {
  return JSON.stringify([taken(text, edit).trim(), edit.words.replace(/^[.\s]+/, "")]);
}

function watch(channel) {
  const area = channel.querySelector("textarea");
  const marks = channel.querySelector(".editor-marks");
  const list = channel.querySelector("[data-findings]");
  const box = channel.querySelector("input[name=channel]");
  let findings = []; // of the text `judged`
  let judged = "";
  let groups = new Map();
  let cards = new Map();
  let edits = new Map(); // of the text `measured`
  let measured = null;
  let elsewhere = null;

  function described(finding) {
    const group = groups.get(finding.rule);
    const made = card("div", area, group, (edit) => take(group[0], edit));
    if (edits.has(finding.rule) && measured === area.value) made.measured(edits.get(finding.rule));
    return made.element;
  }

  function light(finding) {
    for (const [rule, { element }] of cards) element.classList.toggle("lit", finding?.rule === rule);
  }

  const near = peek(area, marks, described, light);

  function repaint() {
    near.over(paint(marks, area.value, findings));
    marks.scrollTop = area.scrollTop;
  }

  function show(found) {
    [findings, judged] = [found, area.value];
    groups = new Map(grouped(findings).map((group) => [group[0].rule, group]));
    cards = new Map([...groups].map(([rule, group]) => [rule, card("li", area, group, (edit) => take(group[0], edit))]));
    [edits, measured] = [new Map(), null];
    repaint();
    list.replaceChildren(...[...cards.values()].map(({ element }) => element));
    const blocks = [...groups.values()].filter(([finding]) => finding.severity === "block").length;
    announce(groups.size ? `${groups.size} findings, ${blocks} blocking` : "No finding");
    if (groups.size) measure();
  }

  const ask = later(async (signal) => {
    const text = area.value;
    if (!text.trim()) return show([]);
    const found = await check(channel, text, signal);
    if (!signal.aborted && area.value === text) show(found);
  });

  // To judge each suggestion takes the server far longer than to find: it is asked once the writer pauses.
  const measure = later(async (signal) => {
    const text = area.value;
    const found = await check(channel, text, signal, { edits: true });
    if (signal.aborted || area.value !== text) return;
    edits = new Map(found.filter(({ edit }) => edit).map(({ rule, edit }) => [rule, edit]));
    measured = text;
    for (const [rule, edit] of edits) cards.get(rule)?.measured(edit);
    near.again();
  }, IDLE);

  /** Until the answer comes, what was found stands in its place still; where the words changed, it is unsure. */
  function typed() {
    [findings, judged] = [moved(findings, judged, area.value), area.value];
    groups = new Map(grouped(findings).map((group) => [group[0].rule, group]));
    for (const [rule, { element }] of cards) element.toggleAttribute("data-stale", !groups.has(rule));
    repaint();
    elsewhere?.remove();
    ask();
  }

  /** Makes an edit of the text that was measured, and takes what it answers off the page. */
  function take(finding, edit) {
    if (area.value !== measured) return; // Other words stand there by now: they were not what was measured.
    const key = same(measured, edit);
    findings = findings.filter((one) => one.rule !== finding.rule || one.start !== finding.start);
    write(area, edit);
    if (!groups.has(finding.rule)) cards.get(finding.rule)?.element.remove();
    offerElsewhere(versions.map((one) => one.like(finding.rule, key)).filter(Boolean));
  }

  /** The same edit in this text, if its rule asks for it here too. */
  function like(rule, key) {
    const edit = edits.get(rule);
    if (!box.checked || !edit || area.value !== measured || !good(edit) || same(measured, edit) !== key) return null;
    return { name: channel.getAttribute("aria-label"), take: () => take(groups.get(rule)[0], edit) };
  }

  function offerElsewhere(others) {
    if (!others.length) return;
    const names = new Intl.ListFormat("en").format(others.map(({ name }) => name));
    const act = make("button", { type: "button", class: "btn btn-sm" }, "Apply to all versions");
    elsewhere = make("div", { class: "notice elsewhere", "data-tone": "accent" }, make("p", {}, `It can be done the same way in ${names}.`), act);
    act.addEventListener("click", () => {
      for (const other of others) other.take();
      for (const notice of form.querySelectorAll(".elsewhere")) notice.remove();
      area.focus();
      announce(`Applied in ${names} too.`);
    });
    area.parentElement.after(elsewhere);
  }

  area.addEventListener("input", typed);
  area.addEventListener("scroll", () => {
    marks.scrollTop = area.scrollTop;
    near.follow();
  });
  box.addEventListener("change", () => {
    if (box.checked) ask();
  });
  return {
    like,
    ask() {
      if (box.checked) ask();
    },
  };
}

async function follow(signal) {
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
  const { question } = part.querySelector("[data-asked]").dataset;
  for (const button of document.querySelectorAll("[data-submit]")) {
    button.textContent = words;
    if (question) button.dataset.confirm = question;
    else delete button.dataset.confirm;
  }
  beside.replaceChildren(...part.childNodes);
}

let behind = false; // what stands beside the composer is of earlier words
let held = null; // the button that waits until it is of these

const refresh = later(async (signal) => {
  try {
    await follow(signal);
  } finally {
    if (!signal.aborted) caughtUp();
  }
});

function caughtUp() {
  const button = held;
  [behind, held] = [false, null];
  if (button) form.requestSubmit(button);
}

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
const versions = [...form.querySelectorAll("[data-channel]")].map(watch);
for (const version of versions) version.ask();
form.addEventListener("input", (event) => {
  [changed, behind] = [true, true];
  if (["regime", "product", "audience"].includes(event.target.name)) for (const version of versions) version.ask();
  refresh();
});
// Whether submitting is asked about, the words of this moment say.
form.addEventListener("submit", (event) => {
  if (!behind || !event.submitter?.matches("[data-submit]")) return;
  event.preventDefault();
  event.stopPropagation();
  held = event.submitter;
});
// At the window, after whatever asks first whether this is meant.
window.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) changed = false;
});
window.addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
watchImages();
document.getElementById("troubles")?.focus();
// What was saved but not submitted is shown in answer to the form: loading it again opens the draft, and makes no other.
const saves = form.getAttribute("action"); // form.action is the button of that name
if (saves.endsWith("/edit")) history.replaceState(null, "", saves);
