// The card of a finding beside its words: under the pointer, and at the caret. The textarea lies over the marks, so
// the pointer is compared with where they are. Escape closes it (WCAG 1.4.13); Tab leads from the text into it.

import { announce, make } from "./dom.js";

const OPENS = 200; // ms that the pointer rests on the words
const CLOSES = 300; // ms to move from the words to the card
const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

const GAP = 6; // px between the words and the card
const LEAST = 96; // px of a card, however small the window

/** Where the window ends for reading: on a phone the bar of pages stands over its end. */
function floor() {
  const bar = document.querySelector(".rail-nav");
  const fixed = bar && getComputedStyle(bar).position === "fixed";
  return fixed ? bar.getBoundingClientRect().top : window.innerHeight;
}

function holds(box, x, y) {
  return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
}

/**
 * Shows what `describe(finding)` makes; `point(finding)` hears which words are meant, or null.
 * `over` tells it about new marks, `again` makes an open card anew, `follow` puts it beside its words again.
 */
export function peek(area, marks, describe, point) {
  const editor = area.parentElement;
  const box = make("div", { class: "peek", role: "group", "aria-label": "Finding in these words", hidden: true });
  let painted = { owner: [], found: new Map() };
  let open = null;
  let under = null;
  let timer;
  area.after(box);

  function close() {
    clearTimeout(timer);
    if (box.contains(document.activeElement)) area.focus();
    open = null;
    box.hidden = true;
    box.replaceChildren();
  }

  function show(mark) {
    clearTimeout(timer);
    if (open === mark) return;
    open = mark;
    box.replaceChildren(describe(painted.found.get(mark)));
    box.hidden = false;
    place(mark);
  }

  /** Below the words; above them where there is more room. What finds no room at all scrolls in itself. */
  function place(mark) {
    const around = editor.getBoundingClientRect();
    const lines = [...mark.getClientRects()];
    const top = Math.min(...lines.map((one) => one.top));
    const bottom = Math.max(...lines.map((one) => one.bottom));
    const below = floor() - bottom - 2 * GAP;
    const above = top - 2 * GAP;
    box.style.maxHeight = "";
    const up = box.offsetHeight > below && above > below;
    box.style.maxHeight = `${Math.max(LEAST, up ? above : below)}px`;
    box.style.top = `${(up ? top - GAP - box.offsetHeight : bottom + GAP) - around.top}px`;
    box.style.left = `${Math.max(0, Math.min(lines[0].left - around.left, editor.clientWidth - box.offsetWidth))}px`;
  }

  function markUnder(event) {
    const { clientX, clientY } = event;
    return [...painted.found.keys()].find((mark) => [...mark.getClientRects()].some((one) => holds(one, clientX, clientY))) ?? null;
  }

  function hover(event) {
    const mark = markUnder(event);
    if (mark === under) return;
    clearTimeout(timer);
    under = mark;
    if (mark && mark !== open) timer = setTimeout(() => show(mark), OPENS);
    else if (!mark && open) timer = setTimeout(close, CLOSES);
  }

  /** The caret says which words are meant, where it was moved there and not typed there. */
  function atCaret() {
    const finding = painted.owner[area.selectionStart] ?? painted.owner[area.selectionStart - 1] ?? null;
    point(finding);
    if (!finding) return close();
    const mark = [...painted.found].find(([, one]) => one === finding)?.[0];
    if (mark === open) return;
    show(mark);
    announce(`${finding.severity}, ${finding.name}: ${finding.message}`);
  }

  area.addEventListener("mousemove", hover);
  area.addEventListener("mouseleave", () => {
    under = null;
    clearTimeout(timer);
    if (open) timer = setTimeout(close, CLOSES);
  });
  area.addEventListener("keyup", (event) => {
    if (MOVES.has(event.key)) atCaret();
  });
  area.addEventListener("click", atCaret);
  box.addEventListener("mouseenter", () => clearTimeout(timer));
  box.addEventListener("mouseleave", () => {
    if (!box.contains(document.activeElement)) timer = setTimeout(close, CLOSES);
  });
  editor.addEventListener("focusout", (event) => {
    if (open && event.relatedTarget && !editor.contains(event.relatedTarget)) close();
  });
  editor.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    close();
  });

  return {
    over(now) {
      painted = now;
      under = null;
      close();
    },
    follow() {
      if (!open) return;
      const [at, around] = [open.getBoundingClientRect(), area.getBoundingClientRect()];
      if (at.bottom > around.top && at.top < around.bottom) place(open);
      else close();
    },
    again() {
      if (!open) return;
      const mark = open;
      const inside = box.contains(document.activeElement);
      open = null;
      show(mark);
      if (inside) box.querySelector("button")?.focus();
    },
  };
}
