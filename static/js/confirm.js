import { make } from "./dom.js";

function ask(question, verb) {
  const cancel = make("button", { type: "submit", value: "no", class: "btn" }, "Cancel");
  const go = make("button", { type: "submit", value: "yes", class: "btn btn-primary" }, verb);
  const dialog = make(
    "dialog",
    { class: "dialog", "aria-labelledby": "confirm-question" },
    make(
      "form",
      { method: "dialog" },
      make("h2", { id: "confirm-question" }, question),
      make("div", { class: "dialog-actions" }, cancel, go),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  cancel.focus();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }),
  );
}

/** <form data-confirm="Withdraw this post?"> or a submit button with it asks before it sends. */
export function watchConfirmations() {
  const agreed = new WeakSet();
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
    if (!question || agreed.delete(form)) return;
    event.preventDefault();
    const verb = event.submitter?.textContent.trim() || "Continue";
    if (!(await ask(question, verb))) return;
    agreed.add(form);
    form.requestSubmit(event.submitter);
  });
}
