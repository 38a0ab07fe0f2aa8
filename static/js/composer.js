// What stands beside the composer follows what is typed, and submitting waits for it. Nothing here is stored.

import { later, token } from "./asking.js";
import { Version } from "./version.js";

const form = document.getElementById("composer");
const beside = document.querySelector("[data-beside]");

async function follow(signal) {
  const data = new FormData(form);
  for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
  const answer = await fetch(form.dataset.previewUrl, { method: "POST", signal, body: data, headers: { "X-CSRFToken": token(form) } });
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
const versions = [...form.querySelectorAll("[data-channel]")].map((channel) => new Version(channel, form, () => versions));
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
