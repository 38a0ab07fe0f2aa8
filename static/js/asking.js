// Questions to the server that wait until the writer pauses.

const PAUSE = 250; // ms between the last key and the question to the server

/** The act, once nobody has asked for it again for so many ms; what it had asked before is broken off. */
export function later(act, pause = PAUSE) {
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

export function token(form) {
  return form.elements.csrf_token.value;
}

/** What the rules find in a text of a network, under the facts of the form. */
export async function check(form, network, text, signal, more = {}) {
  const body = { text, channel: network, ...more };
  for (const name of ["regime", "product", "audience"]) if (form.elements[name].value) body[name] = form.elements[name].value;
  const answer = await fetch(`/api/v1/check?workspace=${encodeURIComponent(form.dataset.workspace)}`, {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token(form) },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`the check answered ${answer.status}`);
  return (await answer.json()).findings;
}
