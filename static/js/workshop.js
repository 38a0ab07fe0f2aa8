// The rule workshop: what the rule finds, shown while it is written. Nothing here is stored.

import { announce } from "./dom.js";

const SOON = 300; // ms between the last key and the text being tried
const LATER = 1200; // ms until the firm's own posts are tried too

const form = document.getElementById("workshop");
const { kind, match } = form.elements; // an amendment has neither

function later(pause, act) {
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

/** Put what the server answers for the form as it stands into a place of the page. */
async function fill(place, address, signal) {
  const data = new FormData(form);
  data.set("part", "1");
  const answer = await fetch(address, { method: "POST", signal, body: data, headers: { "X-CSRFToken": data.get("csrf_token") } });
  if (!answer.ok) return;
  const part = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  if (signal.aborted) return;
  place.replaceChildren(...part.childNodes);
  const said = place.querySelector("[data-said]");
  if (said) announce(said.textContent.trim());
}

/** Only what a rule of this kind reads is shown; what was typed elsewhere stays. */
function show() {
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== kind?.value;
}

const tryText = later(SOON, (signal) => fill(form.querySelector("[data-tried]"), form.dataset.try, signal));
const tryPosts = later(LATER, (signal) => fill(form.querySelector("[data-swept]"), form.dataset.sweep, signal));
const POSTS = new Set(["kind", "match", "exceptions", "unless", "needs", "beside", "tokens", "ordered", "most", "regimes", "classes", "networks"]);
const sweeps = Boolean(form.dataset.sweep);

form.addEventListener("input", (event) => {
  if (kind && event.target === kind) show();
  if (event.target.name === "sample" || POSTS.has(event.target.name)) tryText();
  if (sweeps && POSTS.has(event.target.name)) tryPosts();
});
form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.dataset.busy) return;
  announce(button.dataset.busy);
  button.textContent = button.dataset.busy;
});
show();
if (sweeps && match.value.trim()) tryPosts();
