// Marks and findings light each other up; selected words become the quote of a comment.

function light(id, on) {
  for (const element of document.querySelectorAll(`[data-finding="${CSS.escape(id)}"]`)) {
    element.classList.toggle("lit", on);
  }
}

function watchFindings() {
  for (const [begin, end] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    document.addEventListener(begin, (event) => toggle(event, true));
    document.addEventListener(end, (event) => toggle(event, false));
  }
  function toggle(event, on) {
    const element = event.target.closest?.("[data-finding]");
    if (element) light(element.dataset.finding, on);
  }
}

/** The part of the post that a selection lies in, if it lies in one. */
function selectedPart(selection) {
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const around = selection.getRangeAt(0).commonAncestorContainer;
  const element = around.nodeType === Node.ELEMENT_NODE ? around : around.parentElement;
  return element.closest(".content-text")?.closest("[data-part]")?.dataset.part ?? null;
}

function watchSelection() {
  const form = document.querySelector("[data-comment]");
  if (!form) return;
  document.addEventListener("mouseup", () => {
    const selection = document.getSelection();
    const part = selectedPart(selection);
    if (!part) return;
    form.elements.part.value = part;
    form.elements.quote.value = selection.toString().slice(0, 1000);
    form.querySelector("[data-quote]").open = true;
  });
}

watchFindings();
watchSelection();
