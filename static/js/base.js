import { watchConfirmations } from "./confirm.js";
import { watchCopying } from "./copy.js";
import { watchKeys } from "./keys.js";
import { watchPalette } from "./palette.js";
import { keep, recall } from "./storage.js";

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

function watchToasts() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest(".toast-note")?.remove();
  });
}

watchTheme();
watchMenus();
watchToasts();
watchCopying();
watchConfirmations();
watchKeys();
watchPalette();
