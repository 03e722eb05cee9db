/** What the reader chose for this browser: language and colours. */

const LANGUAGE = "meari.language";
const THEME = "meari.theme";

export const THEMES = ["system", "light", "dark"];

/** The stored value, or null: also where the browser forbids storage. */
function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage is forbidden or full: the choice holds until the page is left.
  }
}

/** The chosen language, else the first of the browser's that the page speaks, else English. */
export function preferredLanguage(spoken) {
  const wanted = [read(LANGUAGE), ...(navigator.languages ?? [navigator.language])];
  const codes = wanted.filter(Boolean).map((tag) => tag.slice(0, 2).toLowerCase());
  return codes.find((code) => spoken.includes(code)) ?? "en";
}

export function rememberLanguage(code) {
  write(LANGUAGE, code);
}

/** Show and remember a theme; `system` follows the system's setting. theme.js shows it next time. */
export function useTheme(theme) {
  write(THEME, theme);
  document.documentElement.dataset.theme = theme;
}
