/** The receipt: what was really done to answer, in plain words. */

import { element, icon } from "../elements.js";
import { fixed, languageNames, number, percent, say, sayOr } from "../words.js";

const STAGES = ["analyse", "encode", "filter", "search", "fetch", "rerank", "snippets"];

/** Words shown of what was looked for; the whole list stands in the title. */
const MOST_WORDS = 30;

/** Unknown tokens beyond this share of a query mean that the encoder hardly understands it. */
const MUCH_UNKNOWN = 0.3;

/**
 * How the matches were found, whatever was asked for: `dense` where vectors alone were compared,
 * `lexical` where words alone were, `hybrid` where both scores were fused.
 */
export function answeredBy({ index }) {
  if (index === "bm25") return "lexical";
  return index.split("+").includes("bm25") ? "hybrid" : "dense";
}

/**
 * What a reader should know before trusting the answer.
 *
 * @param {object} receipt
 * @param {{query: string, languages: string[]}} asked what was asked, and the languages that the
 *   collection's encoder was made for (none: nobody said)
 * @returns {{text: string, grave: boolean}[]} grave ones belong above the matches, where nobody
 *   overlooks them; the others on the receipt.
 */
export function warnings(receipt, { query, languages }) {
  const told = [];
  const { query_unknown: n, query_tokens: total } = receipt;
  const grave = n > 0 && n / total >= MUCH_UNKNOWN;
  if (n > 0)
    told.push({ text: say(grave ? "warn_unknown" : "warn_unknown_some", { n, total }), grave });
  const foreign = languages.length > 0 && !languages.includes("ko");
  if (!grave && total !== null && foreign && /\p{Script=Hangul}/u.test(query)) {
    told.push({ text: say("warn_korean", { languages: languageNames(languages) }), grave: true });
  }
  if (receipt.query_truncated) told.push({ text: say("warn_query_truncated"), grave: true });
  return [...told, ...(receipt.warnings ?? []).map((text) => ({ text, grave: true }))];
}

/** A warning as a line with its sign. */
export function warningLine(text) {
  return element("p", { class: "warning" }, icon("warning"), element("span", {}, text));
}

/** Total time for the panel's heading. */
export function receiptHint(receipt) {
  return say("receipt_ms", { n: milliseconds(totalOf(receipt.milliseconds)) });
}

/** The panel's content. */
export function receiptBody(receipt, asked) {
  return [
    element("p", { class: "hint lead" }, say("receipt_text")),
    warnings(receipt, asked)
      .filter(({ grave }) => !grave)
      .map(({ text }) => warningLine(text)),
    element("dl", { class: "bill" }, lines(receipt).map(billLine)),
    times(receipt.milliseconds),
  ];
}

function billLine([label, value, title]) {
  return element("div", { title }, element("dt", {}, say(label)), element("dd", {}, value));
}

/** The lines of the bill: label, value, longer explanation. */
function lines(receipt) {
  const { documents, searched, matched_by_filter: fit, query_tokens: tokens } = receipt;
  const compared = answeredBy(receipt) !== "lexical";
  const made = [];
  if (compared)
    made.push(["receipt_how", say(receipt.exact ? "receipt_exact" : "receipt_approximate")]);
  made.push(["receipt_index", receipt.index, say("receipt_index_title")]);
  if (compared) made.push(["receipt_recall", recall(receipt), say("receipt_recall_title")]);
  if (receipt.sampled_recall !== null) made.push(sampled(receipt));
  if (receipt.visited !== null) made.push(visited(receipt));
  made.push(["receipt_searched", say("receipt_of", { n: searched, total: documents })]);
  if (fit !== null && fit !== undefined) made.push(["receipt_filter", number(fit)]);
  if (tokens !== null && tokens !== undefined) {
    const unknown =
      receipt.query_unknown > 0 && say("receipt_unknown", { n: receipt.query_unknown });
    const cut = receipt.query_truncated && say("truncated");
    made.push([
      "receipt_query",
      [say("receipt_tokens", { n: tokens }), unknown, cut].filter(Boolean).join(" · "),
    ]);
  }
  if (receipt.query_terms) made.push(words(receipt.query_terms));
  if (receipt.truncated_matches > 0) {
    made.push([
      "receipt_cut",
      say("receipt_cut_value", { n: receipt.truncated_matches }),
      say("truncated_title"),
    ]);
  }
  if (receipt.reranker) made.push(["receipt_reranker", receipt.reranker]);
  const { name, fingerprint } = (compared && receipt.encoder) || {};
  if (name) made.push(["receipt_encoder", name]);
  if (fingerprint)
    made.push(["receipt_fingerprint", element("code", {}, shortPrint(fingerprint)), fingerprint]);
  return made;
}

/** The recall of live queries that were answered a second time, exactly. */
function sampled({ sampled_recall: share, sampled_queries: n }) {
  const value = say("receipt_sampled_value", { share: percent(share), n });
  return ["receipt_sampled", value, say("receipt_sampled_title")];
}

function visited({ visited: n }) {
  return ["receipt_visited", say("receipt_visited_value", { n }), say("receipt_visited_title")];
}

/** What was looked for by words: each once, the first ones of many. */
function words(terms) {
  const each = [...new Set(terms)];
  const shown = [...each.slice(0, MOST_WORDS), ...(each.length > MOST_WORDS ? ["…"] : [])];
  return ["receipt_words", shown.join(", "), each.join(", ")];
}

function recall({ exact, recall_estimate: share }) {
  if (exact) return say("receipt_recall_exact");
  return say("receipt_recall_measured", { share: percent(share) });
}

/** The first eight hexadecimal digits; the whole fingerprint stands in the title. */
export function shortPrint(fingerprint) {
  return fingerprint.replace(/^sha256:/, "").slice(0, 8);
}

function totalOf(spent = {}) {
  const staged = Object.entries(spent).filter(([stage]) => stage !== "total");
  return spent.total ?? staged.reduce((sum, [, ms]) => sum + ms, 0);
}

function milliseconds(ms) {
  return ms >= 100 ? number(ms) : fixed(ms, 1);
}

/** Time by stage: a stacked bar and its legend. */
export function times(spent = {}) {
  const total = totalOf(spent);
  const known = Object.keys(spent).filter((stage) => stage !== "total" && !STAGES.includes(stage));
  const parts = [...STAGES, ...known]
    .filter((stage) => spent[stage] > 0)
    .map((stage) => [stage, spent[stage]]);
  const other = total - parts.reduce((sum, [, ms]) => sum + ms, 0);
  if (other > total * 0.02) parts.push(["other", other]);
  if (!parts.length) return null;
  return element(
    "section",
    { class: "times" },
    element(
      "h3",
      {},
      say("receipt_time"),
      element("span", {}, say("receipt_ms", { n: milliseconds(total) })),
    ),
    element("div", { class: "stack", "aria-hidden": "true" }, parts.map(segment)),
    element("ul", {}, parts.map(legend)),
  );
}

function segment([stage, ms], at) {
  const made = element("span", { class: `stage stage-${at % 6}`, title: stageName(stage) });
  made.style.setProperty("--weight", String(ms));
  return made;
}

function legend([stage, ms], at) {
  return element(
    "li",
    {},
    element("span", { class: `dot stage-${at % 6}`, "aria-hidden": "true" }),
    element("span", { class: "stage-name" }, stageName(stage)),
    element("span", { class: "number" }, say("receipt_ms", { n: milliseconds(ms) })),
  );
}

function stageName(stage) {
  return sayOr(`stage_${stage}`, stage);
}
