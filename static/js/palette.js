import { make } from "./dom.js";

const PAUSE = 120; // ms between the last key and the question to the server

function pages() {
  return [...document.querySelectorAll(".rail-nav a")].map((link) => ({
    title: link.querySelector(".rail-label").textContent.trim(),
    href: link.href,
    kind: "Page",
  }));
}

/** Posts as the server finds them; where it cannot be asked, the pages of the rail remain. */
async function posts(query, signal) {
  const address = document.documentElement.dataset.find;
  if (!address || !query) return [];
  const answer = await fetch(`${address}?q=${encodeURIComponent(query)}`, {
    signal,
    headers: { Accept: "application/json" },
  });
  if (!answer.ok) return [];
  const found = await answer.json();
  const here = (href) => new URL(href, location.href).origin === location.origin;
  return Array.isArray(found) ? found.filter((item) => here(item.href)) : [];
}

class Palette {
  constructor() {
    this.items = [];
    this.chosen = 0;
    this.input = make("input", {
      type: "text",
      role: "combobox",
      "aria-label": "Find a page or a post",
      "aria-expanded": "true",
      "aria-controls": "palette-list",
      "aria-autocomplete": "list",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "Find a page or a post",
    });
    this.list = make("ul", { id: "palette-list", role: "listbox", "aria-label": "Found" });
    this.none = make("p", { role: "status", hidden: true }, "Nothing found.");
    this.dialog = make("dialog", { class: "dialog palette", "aria-label": "Find" }, this.input, this.list, this.none);
    this.input.addEventListener("input", () => this.ask());
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    document.body.append(this.dialog);
  }

  open() {
    if (this.dialog.open) return;
    this.input.value = "";
    this.show(pages());
    this.dialog.showModal();
    this.input.focus();
  }

  ask() {
    clearTimeout(this.timer);
    this.request?.abort();
    const query = this.input.value.trim();
    const known = pages().filter((page) => page.title.toLowerCase().includes(query.toLowerCase()));
    this.show(known, query !== "");
    if (!query) return;
    this.request = new AbortController();
    const { signal } = this.request;
    this.timer = setTimeout(async () => {
      const found = await posts(query, signal).catch(() => []);
      if (!signal.aborted) this.show([...known, ...found]);
    }, PAUSE);
  }

  show(items, waiting = false) {
    this.items = items;
    this.list.replaceChildren(
      ...items.map((item, index) => {
        const row = make("li", { role: "option", id: `found-${index}` }, item.title, make("small", {}, item.kind));
        row.addEventListener("click", () => location.assign(item.href));
        return row;
      }),
    );
    this.none.hidden = waiting || items.length > 0;
    this.choose(0);
  }

  choose(index) {
    this.chosen = Math.min(Math.max(index, 0), Math.max(this.items.length - 1, 0));
    [...this.list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === this.chosen)));
    const row = this.list.children[this.chosen];
    row?.scrollIntoView({ block: "nearest" });
    if (row) this.input.setAttribute("aria-activedescendant", row.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.key === "ArrowDown") this.choose(this.chosen + 1);
    else if (event.key === "ArrowUp") this.choose(this.chosen - 1);
    else if (event.key === "Enter" && this.items[this.chosen]) location.assign(this.items[this.chosen].href);
    else return;
    event.preventDefault();
  }
}

export function watchPalette() {
  if (!document.querySelector("[data-find-open]")) return;
  let palette;
  const open = () => (palette ??= new Palette()).open();
  document.querySelectorAll("[data-find-open]").forEach((button) => button.addEventListener("click", open));
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
}
