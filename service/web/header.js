/** Language and colours. */

import { byId, element, icon, refill, setAttribute } from "./elements.js";
import { preferredLanguage, rememberLanguage, THEMES, useTheme } from "./preferences.js";
import { LANGUAGES, language, say, speak, translate } from "./words.js";

/** Speaks the preferred language and wires the switches; `onLanguage` renders the rest anew. */
export function startHeader(onLanguage) {
  speak(preferredLanguage(LANGUAGES));
  for (const button of byId("language").children) {
    button.addEventListener("click", () => {
      speak(button.value);
      rememberLanguage(button.value);
      render();
      onLanguage();
    });
  }
  byId("theme").addEventListener("click", () => {
    useTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
    render();
  });
  render();
}

function render() {
  translate();
  for (const button of byId("language").children) {
    setAttribute(button, "aria-pressed", String(button.value === language()));
  }
  const theme = document.documentElement.dataset.theme;
  const button = byId("theme");
  const label = say("theme_now", { theme: say(`theme_${theme}`) });
  refill(button, icon(theme), element("span", { class: "hidden" }, label));
  setAttribute(button, "title", label);
}
