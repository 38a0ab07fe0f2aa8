// Waits for an export that is being written, then shows its page anew. Without scripts there is a link to do so.
const place = document.querySelector("[data-export]");

async function look() {
  const answer = await fetch(place.dataset.export, { headers: { Accept: "application/json" } }).catch(() => null);
  const state = answer && answer.ok ? (await answer.json()).state : place.dataset.state;
  if (state !== place.dataset.state) location.reload();
  else setTimeout(look, 2000);
}

if (place) setTimeout(look, 1000);
