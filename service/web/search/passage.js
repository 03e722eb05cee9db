/**
 * What is shown of a text: the passage the server chose, its words marked.
 *
 * The server counts characters, JavaScript's strings count UTF-16 units, of which some characters
 * have two; so positions are looked up in the list of characters.
 */

import { highlight } from "./highlight.js";

/** Characters shown of a text that has no passage: about four lines, of Hangul or Latin letters. */
const BEGINNING = { hangul: 190, latin: 330 };

/**
 * The passage of a match, or the beginning of its text.
 *
 * @param {{text: string, snippet: {text: string, start: number, highlights: number[][]} | null}}
 *   match
 * @returns {{parts: {text: string, hit: boolean}[], before: boolean, after: boolean}} whether text
 *   was left out around it.
 */
export function passage({ text, snippet }) {
  if (!snippet) return beginning(text);
  const after = snippet.start + [...snippet.text].length < [...text].length;
  return { parts: partsOf(snippet), before: snippet.start > 0, after };
}

/** The whole text of a match: the server's marks in its passage, `terms` marked around it. */
export function wholeText({ text, snippet }, terms) {
  if (!snippet) return highlight(text, terms);
  const characters = [...text];
  const end = snippet.start + [...snippet.text].length;
  return [
    ...highlight(characters.slice(0, snippet.start).join(""), terms),
    ...partsOf(snippet),
    ...highlight(characters.slice(end).join(""), terms),
  ];
}

function partsOf({ text, highlights }) {
  const characters = [...text];
  const parts = [];
  let done = 0;
  const add = (end, hit) => {
    if (end > done) parts.push({ text: characters.slice(done, end).join(""), hit });
    done = end;
  };
  for (const [start, end] of highlights) {
    add(start, false);
    add(end, true);
  }
  add(characters.length, false);
  return parts;
}

function beginning(text) {
  const characters = [...text.trim()];
  const size = /\p{Script=Hangul}/u.test(text.slice(0, 200)) ? BEGINNING.hangul : BEGINNING.latin;
  if (characters.length <= size * 1.25) {
    return { parts: [{ text: text.trim(), hit: false }], before: false, after: false };
  }
  const cut = characters.slice(0, size).join("");
  const blank = cut.search(/\s\S*$/);
  const shown = blank > cut.length / 2 ? cut.slice(0, blank) : cut;
  return { parts: [{ text: shown, hit: false }], before: false, after: true };
}
