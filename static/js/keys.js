import { make } from "./dom.js";
import { keep, recall } from "./storage.js";

const TYPING = "input:not([type=radio]):not([type=checkbox]):not([type=submit]), textarea, select, [contenteditable]";

function label(element) {
  const named = element.dataset.keyLabel ?? element.getAttribute("aria-label");
  const text = named ?? element.closest("label")?.textContent ?? element.textContent;
  return text.replace(/\s+/g, " ").trim();
}

function visible(element) {
  return !element.disabled && (element.offsetParent !== null || element.matches("input"));
}

/** A link is followed, a radio chosen, anything else focused: the second stroke, Enter, is the act. */
function act(element) {
  if (element.matches("a[href]")) return element.click();
  element.focus();
  if (element.matches("input[type=radio], input[type=checkbox]")) element.click();
}

function step(direction) {
  const links = [...document.querySelectorAll("[data-list] a[data-item]")].filter(visible);
  if (!links.length) return;
  const now = links.indexOf(document.activeElement);
  links[Math.min(Math.max(now + direction, 0), links.length - 1)].focus();
}

function help() {
  const list = make("dl", { class: "key-list" });
  const add = (key, text) => list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, text));
  if (document.querySelector("[data-find-open]")) add("Ctrl K", "Find a page or a post");
  add("j  k", "Next and previous in the list");
  add("Enter", "Open, or do what is focused");
  for (const element of document.querySelectorAll("[data-key]")) {
    if (visible(element)) add(element.dataset.key, label(element));
  }
  add("?", "This help");
  const single = make("input", { type: "checkbox", id: "single-keys", class: "form-check-input" });
  single.checked = recall("single-keys") !== "off";
  single.addEventListener("change", () => keep("single-keys", single.checked ? null : "off"));
  const dialog = make(
    "dialog",
    { class: "dialog", "aria-labelledby": "key-help" },
    make("h2", { id: "key-help" }, "Keyboard"),
    list,
    make("div", { class: "form-check" }, single, make("label", { for: "single-keys" }, "Single-letter keys are on")),
    make("form", { method: "dialog", class: "dialog-actions" }, make("button", { class: "btn" }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Single letters act only outside text fields, and the reader may switch them off (WCAG 2.1.4). */
export function watchKeys() {
  document.querySelectorAll("[data-key-help]").forEach((button) => button.addEventListener("click", help));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest(TYPING) || document.querySelector("dialog[open]")) return;
    if (recall("single-keys") === "off") return;
    const wanted = [...document.querySelectorAll("[data-key]")].find((e) => e.dataset.key === event.key && visible(e));
    if (wanted) act(wanted);
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "?") help();
    else return;
    event.preventDefault();
  });
}
