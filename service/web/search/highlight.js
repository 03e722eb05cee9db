/**
 * Which words of a title, or of a text around the passage the server chose, to mark for a query.
 * A reading aid only: matches are found by meaning too, and a match without any of these words may
 * be as good as one with all of them.
 *
 * Korean words are compared without their particles by prefix: a query word of two or more
 * syllables, its particle cut off, marks every word that begins with it (배송이 -> 배송 marks
 * 배송은, 배송비). Latin words of four or more letters mark by prefix too, after a plural or verb
 * ending is cut; shorter words, and single syllables, only mark themselves.
 */

const WORD = /\p{Script=Hangul}+|(?:(?!\p{Script=Hangul})[\p{L}\p{N}\p{M}])+/gu;
const HANGUL = /^\p{Script=Hangul}/u;

/** Longest first: the first that fits, and leaves two syllables, is cut. */
const PARTICLES = (
  "으로부터 에서부터 이라는 에서는 에게서 으로는 입니다 합니다 되나요 하나요 하려면 하는 되는 에서 에게 " +
  "한테 부터 까지 처럼 보다 마다 으로 이나 이란 라는 에는 하고 하기 인가 할 한 은 는 이 가 을 를 의 에 도 " +
  "만 와 과 로 란"
).split(" ");

const STOP = new Set(
  (
    "a an and are as at be but by can do does for from has have how i if in is it its my not of on or " +
    "our so that the their there these they this to was we were what when where which who why will " +
    "with you your"
  ).split(" "),
);

/** The word without its last particle, never shorter than two syllables. */
function koreanStem(word) {
  const particle = PARTICLES.find((end) => word.endsWith(end) && word.length - end.length >= 2);
  return particle ? word.slice(0, -particle.length) : word;
}

/** The word without a plural or verb ending, never shorter than four letters. */
function latinStem(word) {
  const ending = ["ies", "ing", "es", "ed", "s"].find(
    (end) => word.endsWith(end) && word.length - end.length >= 4,
  );
  return ending ? word.slice(0, -ending.length) : word;
}

/** What of a query marks words: `{stem, prefix}`; `prefix` false asks for the whole word. */
export function queryTerms(query) {
  const terms = [];
  const whole = query.normalize("NFC").toLowerCase();
  for (const { 0: raw, index } of whole.matchAll(WORD)) {
    if (HANGUL.test(raw)) {
      // the particle of a Latin word or a number (GPU를)
      if (PARTICLES.includes(raw) && /[\p{L}\p{N}]$/u.test(whole.slice(0, index))) continue;
      const stem = koreanStem(raw);
      terms.push({ stem, prefix: stem.length >= 2 });
    } else if (!STOP.has(raw)) {
      const stem = latinStem(raw);
      terms.push({ stem, prefix: stem.length >= 4 && !/^\d+$/.test(stem) });
    }
  }
  return terms;
}

/**
 * `text` cut into parts.
 *
 * @param {string} text
 * @param {{stem: string, prefix: boolean}[]} terms
 * @returns {{text: string, hit: boolean}[]} in order; joined they are `text` in NFC.
 */
export function highlight(text, terms) {
  const whole = text.normalize("NFC");
  const parts = [];
  let done = 0;
  for (const found of terms.length ? whole.matchAll(WORD) : []) {
    const word = found[0].toLowerCase();
    const term = terms.find(({ stem, prefix }) => (prefix ? word.startsWith(stem) : word === stem));
    if (!term) continue;
    const length = HANGUL.test(word) ? term.stem.length : found[0].length;
    if (found.index > done) parts.push({ text: whole.slice(done, found.index), hit: false });
    parts.push({ text: whole.slice(found.index, found.index + length), hit: true });
    done = found.index + length;
  }
  if (done < whole.length) parts.push({ text: whole.slice(done), hit: false });
  return parts;
}
