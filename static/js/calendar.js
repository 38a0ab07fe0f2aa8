// Dragging a post to another day opens its schedule form with that day chosen: the server decides, a person confirms.

const month = document.querySelector(".month[data-schedule]");

function dayOf(event) {
  return event.target.closest?.("[data-day]");
}

function mark(day) {
  for (const marked of month.querySelectorAll("[data-drop]")) if (marked !== day) delete marked.dataset.drop;
  if (day) day.dataset.drop = "";
}

if (month) {
  let dragged = null;
  month.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-post]");
    event.dataTransfer?.setData("text/plain", dragged?.href ?? "");
  });
  month.addEventListener("dragover", (event) => {
    const day = dayOf(event);
    if (!dragged || !day) return;
    event.preventDefault();
    mark(day);
  });
  month.addEventListener("dragend", () => {
    dragged = null;
    mark(null);
  });
  month.addEventListener("drop", (event) => {
    const day = dayOf(event);
    if (!dragged || !day) return;
    event.preventDefault();
    const time = dragged.querySelector("time").textContent.trim();
    const at = encodeURIComponent(`${day.dataset.day}T${time}`);
    location.assign(`${month.dataset.schedule}/${dragged.dataset.post}?at=${at}#schedule`);
  });
}
