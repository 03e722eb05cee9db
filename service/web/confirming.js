/** Asking before something is done for good. */

import { element } from "./elements.js";
import { say } from "./words.js";

/**
 * A dialog with a question.
 *
 * @param {string} question
 * @param {string} action what the button that goes on says
 * @returns {Promise<boolean>} true if it was pressed
 */
export function confirm(question, action) {
  return new Promise((resolve) => {
    const dialog = element(
      "dialog",
      { class: "dialog", id: "confirm", "aria-labelledby": "confirm-question" },
      element("p", { id: "confirm-question" }, question),
      element(
        "form",
        { method: "dialog", class: "row" },
        element("button", { class: "button", value: "", autofocus: true }, say("confirm_no")),
        element("button", { class: "button danger", value: "yes" }, action),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
