/** What the page says, in the reader's language; and numbers the way that language writes them. */

import { en } from "./words.en.js";
import { ko } from "./words.ko.js";
import { en as roomsEn } from "./words.rooms.en.js";
import { ko as roomsKo } from "./words.rooms.ko.js";

const TABLES = { en: { ...en, ...roomsEn }, ko: { ...ko, ...roomsKo } };
let current = "en";

/** The languages the page speaks. */
export const LANGUAGES = Object.keys(TABLES);

/** The language spoken now, `ko` or `en`. */
export function language() {
  return current;
}

/** Speak that language from now on; `translate` renders what stands on the page already. */
export function speak(code) {
  if (!(code in TABLES)) throw new RangeError(`no words for language ${code}`);
  current = code;
  document.documentElement.lang = code;
}

/** The sentence of that key; numbers among the values are written in the language's way. */
export function say(key, values = {}) {
  const sentence = TABLES[current][key];
  if (sentence === undefined) throw new RangeError(`no words for ${key}`);
  if (typeof sentence === "string") return sentence;
  const written = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === "number" ? number(value) : value,
  ]);
  return sentence(Object.fromEntries(written));
}

/** The sentence of that key, or `fallback` where there is none (names the server made up). */
export function sayOr(key, fallback) {
  return key in TABLES[current] ? say(key) : fallback;
}

/** A number with grouping, at most `digits` after the point. */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(current, { maximumFractionDigits: digits }).format(value);
}

/** A number with exactly `digits` after the point, for columns. */
export function fixed(value, digits) {
  return new Intl.NumberFormat(current, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** A share in percent, never rounded up to 100. */
export function percent(share) {
  const floored = share < 1 ? Math.min(Math.floor(share * 1000) / 1000, 0.999) : 1;
  return new Intl.NumberFormat(current, { style: "percent", maximumFractionDigits: 1 }).format(
    floored,
  );
}

/** The names of languages (ISO 639-1 codes) as a list. */
export function languageNames(codes) {
  const names = new Intl.DisplayNames(current, { type: "language" });
  return new Intl.ListFormat(current).format(codes.map((code) => names.of(code)));
}

/** Fills every `data-say` (text), `data-say-label`, `data-say-title` and `data-say-placeholder`. */
export function translate(root = document) {
  for (const node of root.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
  const attributes = { sayLabel: "aria-label", sayTitle: "title", sayPlaceholder: "placeholder" };
  for (const [data, attribute] of Object.entries(attributes)) {
    const marker = `data-${data.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    for (const node of root.querySelectorAll(`[${marker}]`)) {
      node.setAttribute(attribute, say(node.dataset[data]));
    }
  }
}
