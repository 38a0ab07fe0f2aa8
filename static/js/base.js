import { watchConfirmations } from "./confirm.js";
import { watchCopying } from "./copy.js";
import { watchKeys } from "./keys.js";
import { watchPalette } from "./palette.js";
import { keep, recall } from "./storage.js";

const TOAST_STAYS = 6000;

function watchTheme() {
  const root = document.documentElement;
  const buttons = document.querySelectorAll("[data-theme-choice]");
  const show = (chosen) =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen)));
  show(recall("theme") ?? "auto");
  buttons.forEach((button) =>
    button.addEventListener("click", () => {
      const chosen = button.dataset.themeChoice;
      keep("theme", chosen === "auto" ? null : chosen);
      if (chosen === "auto") delete root.dataset.bsTheme;
      else root.dataset.bsTheme = chosen;
      show(chosen);
    }),
  );
}

function watchMenus() {
  const open = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    }
  });
}

/** Toasts pass by themselves, unless they are pointed at or hold the focus; errors stay. Escape closes the last one. */
function watchToasts() {
  const close = (note) => {
    const held = note.contains(document.activeElement);
    note.remove();
    if (held) document.getElementById("main")?.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const note = event.target.closest("[data-dismiss]")?.closest(".toast-note");
    if (note) close(note);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (document.querySelector("dialog[open], details.menu[open]")) return;
    const last = [...document.querySelectorAll(".toast-note")].at(-1);
    if (last) close(last);
  });
  const passing = document.querySelector('[data-toasts="passing"]');
  if (!passing?.childElementCount) return;
  for (const note of passing.children) {
    let left;
    const wait = () => {
      clearTimeout(left);
      left = setTimeout(() => (note.matches(":hover, :focus-within") ? wait() : close(note)), TOAST_STAYS);
    };
    for (const leaving of ["mouseleave", "focusout"]) note.addEventListener(leaving, wait);
    wait();
  }
  // The decision bar grows when it asks for a reason: the toasts stay above it.
  const bar = document.querySelector(".decision-bar");
  if (bar) new ResizeObserver(() => passing.style.setProperty("--floor", `${bar.offsetHeight}px`)).observe(bar);
}

watchTheme();
watchMenus();
watchToasts();
watchCopying();
watchConfirmations();
watchKeys();
watchPalette();
