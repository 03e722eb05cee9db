/** The matches, as cards. */

import { element, icon, marked, refill, setAttribute } from "../elements.js";
import { isAddress, leaves } from "./fields.js";
import { readFilter } from "./filter.js";
import { confidenceMeter } from "./confidence.js";
import { highlight } from "./highlight.js";
import { thumbnail } from "./image_search.js";
import { passage, wholeText } from "./passage.js";
import { answeredBy } from "./receipt.js";
import { fixed, say } from "../words.js";

const LONGEST_VALUE = 48;

/** Digits after the point of a channel's score. */
const DIGITS = { dense: 2, lexical: 1, rerank: 2 };

/**
 * How full the bar of a score is, 0 to 1. A fused score and a cosine show themselves; a distance d
 * shows 1 / (1 + d); an inner product and a score of words, which have no bound, are shown against
 * the best of the answer.
 *
 * @param {{score: number, distance: number | null}} match
 * @param {{mode: string, metric: string, best: number}} context `mode` as `answeredBy` tells it
 */
export function scoreShare({ score, distance }, { mode, metric, best }) {
  let share = score;
  if (mode === "lexical" || (mode === "dense" && metric === "dot"))
    share = best > 0 ? score / best : 0;
  else if (mode === "dense" && metric === "euclidean") share = 1 / (1 + distance);
  return Math.max(0, Math.min(1, share));
}

/** What a score is made of: the distance, the scores of both channels, or nothing more to say. */
function scoreDetail({ distance, channels }, mode) {
  if (mode === "hybrid" || "rerank" in channels) {
    return Object.entries(DIGITS)
      .filter(([channel]) => channel in channels)
      .map(([channel, digits]) => `${say(`channel_${channel}`)} ${fixed(channels[channel], digits)}`)
      .join(" · ");
  }
  if (mode === "lexical" || distance === null) return "";
  return `${say("distance")} ${fixed(distance, 3)}`;
}

/**
 * One match as a list item.
 *
 * @param {object} match as the server gives it
 * @param {{terms: object[], filter: object | null, receipt: object, metric: string, best: number,
 *   collection: string, unfolded: Set<string>, onToggle: (key: string, value: unknown) => void,
 *   onJudge: (match: object, how: "like" | "unlike") => void}} context
 */
export function card(match, context) {
  const title = match.title || match.parent?.id || "";
  const body = new Body(match, context);
  return element(
    "li",
    { class: "card", tabindex: "-1", data: { id: match.id, focus: match.id } },
    element("span", { class: "rank", "aria-hidden": "true" }, match.rank),
    element(
      "article",
      {},
      element(
        "header",
        {},
        element(
          "h3",
          { class: title ? null : "untitled", dir: "auto" },
          title ? marked(highlight(title, context.terms)) : match.id,
        ),
        scoreBar(match, context),
      ),
      match.image && thumbnail(match, context),
      match.parent && parentLine(match.parent),
      body.node,
      metadataChips(match, context),
      element(
        "footer",
        {},
        element("code", { class: "id", title: match.id }, match.id),
        match.truncated &&
          element(
            "span",
            { class: "badge", title: say("truncated_title") },
            icon("warning"),
            say("truncated"),
          ),
        element("span", { class: "space" }),
        body.button,
        judge(match, "like", "echo", context),
        judge(match, "unlike", "away", context),
      ),
    ),
  );
}

function judge(match, how, picture, { onJudge }) {
  return element(
    "button",
    { type: "button", class: `link ${how}`, on: { click: () => onJudge(match, how) } },
    icon(picture),
    say(how),
  );
}

/** A text that shows a passage, and the whole on demand. */
class Body {
  #match;
  #context;
  #passage;

  constructor(match, context) {
    this.#match = match;
    this.#context = context;
    this.node = element("p", { class: "text", dir: "auto" });
    this.#passage = passage(match);
    const attributes = {
      type: "button",
      class: "link expand",
      data: { focus: `${match.id} expand` },
      on: { click: () => this.#toggle() },
    };
    this.button =
      (this.#passage.before || this.#passage.after) && element("button", attributes);
    this.#render();
  }

  #toggle() {
    const { unfolded } = this.#context;
    if (!unfolded.delete(this.#match.id)) unfolded.add(this.#match.id);
    this.#render();
  }

  #render() {
    const { terms, unfolded } = this.#context;
    const whole = unfolded.has(this.#match.id);
    const { parts, before, after } = whole
      ? { parts: wholeText(this.#match, terms), before: false, after: false }
      : this.#passage;
    this.node.classList.toggle("whole", whole || !(before || after));
    refill(this.node, before && "… ", marked(parts), after && " …");
    if (!this.button) return;
    refill(this.button, icon("chevron"), say(whole ? "collapse" : "expand"));
    setAttribute(this.button, "aria-expanded", String(whole));
  }
}

function scoreBar(match, { receipt, metric, best }) {
  const mode = answeredBy(receipt);
  const share = scoreShare(match, { mode, metric, best });
  const score = fixed(match.score, mode === "lexical" ? 2 : 3);
  const detail = scoreDetail(match, mode);
  const title = [say("score_title", { score }), detail].filter(Boolean).join(" · ");
  const fillPart = element("span", { class: "fill" });
  fillPart.style.setProperty("--share", share.toFixed(4));
  return element(
    "div",
    { class: "score", title },
    element("span", { class: "hidden" }, title),
    element("span", { class: "track", "aria-hidden": "true" }, fillPart),
    element("span", { class: "number", "aria-hidden": "true" }, score),
    detail && element("span", { class: "detail", "aria-hidden": "true" }, detail),
    confidenceMeter(match.confidence),
  );
}

function parentLine({ id, chunk, start, end }) {
  return element(
    "p",
    { class: "parent" },
    icon("part"),
    element("span", {}, say("part", { n: chunk + 1, id })),
    element("span", { class: "where" }, say("characters", { start, end })),
  );
}

function metadataChips(match, { filter, onToggle }) {
  const { values } = readFilter(filter);
  const found = leaves(match.metadata);
  if (!found.length) return null;
  return element(
    "ul",
    { class: "chips" },
    found.map(({ key, value, usable }) => {
      if (isAddress(value)) return element("li", {}, addressChip(key, value));
      return element(
        "li",
        {},
        usable ? filterChip(match, key, value, values, onToggle) : plainChip(key, value),
      );
    }),
  );
}

function filterChip({ id }, key, value, chosen, onToggle) {
  const shown = shorten(display(value));
  const on = chosen.get(key)?.includes(value) ?? false;
  const label = on
    ? say("filter_remove", { text: `${key}: ${shown}` })
    : say("filter_add", { key, value: shown });
  return element(
    "button",
    {
      type: "button",
      class: "chip",
      "aria-pressed": String(on),
      title: label,
      data: { focus: `${id} ${key} ${value}` },
      on: { click: () => onToggle(key, value) },
    },
    element("span", { class: "key" }, key),
    ` ${shown}`,
  );
}

function plainChip(key, value) {
  return element(
    "span",
    { class: "chip" },
    element("span", { class: "key" }, key),
    ` ${shorten(display(value))}`,
  );
}

function addressChip(key, value) {
  const attributes = {
    class: "chip",
    href: value,
    target: "_blank",
    rel: "noopener noreferrer",
    title: value,
  };
  return element("a", attributes, element("span", { class: "key" }, key), ` ${shorten(value)} ↗`);
}

function shorten(text) {
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;
}

/** A metadata value as text. */
export function display(value) {
  return typeof value === "boolean" ? say(value ? "yes" : "no") : String(value);
}
