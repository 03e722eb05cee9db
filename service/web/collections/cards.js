/** The cards of a collection: its documents, its encoder, its index, what its scores mean. */

import { element } from "../elements.js";
import { bytes, duration, moment } from "../measures.js";
import { fact } from "../room_head.js";
import { shortPrint, warningLine } from "../search/receipt.js";
import { fixed, languageNames, number, percent, say, sayOr } from "../words.js";

/** All cards of a collection, side by side where there is room. */
export function collectionCards(card) {
  return element(
    "section",
    { class: "collection-cards", "aria-label": card.name },
    element("h3", { class: "section-name" }, card.name),
    card.problems.map(warningLine),
    element(
      "div",
      { class: "tiles" },
      documentsCard(card),
      encoderCard(card.encoder),
      indexCard(card),
      card.calibration && calibrationCard(card.calibration),
    ),
  );
}

function tile(title, ...content) {
  return element("article", { class: "tile" }, element("h4", {}, title), content);
}

function bill(...lines) {
  return element("dl", { class: "bill" }, lines);
}

function documentsCard(card) {
  return tile(
    say("card_documents"),
    bill(
      fact(say("column_documents"), number(card.documents)),
      card.parents > 0 && fact(say("card_parents"), number(card.parents)),
      fact(say("card_tokens"), number(card.tokens)),
      fact(say("card_unknown"), share(card.unknown, card.tokens), say("card_unknown_title")),
      fact(say("card_truncated"), number(card.truncated), say("truncated_title")),
      card.tombstones > 0 && fact(say("card_tombstones"), number(card.tombstones)),
      fact(say("column_size"), bytes(card.bytes)),
      fact(say("card_metric"), card.metric),
      fact(say("card_created"), moment(card.created)),
    ),
  );
}

function share(part, whole) {
  return whole > 0 ? `${number(part)} (${percent(part / whole)})` : number(part);
}

function encoderCard(encoder) {
  const { parity } = encoder;
  const near = "mean_cosine" in parity && fixed(parity.mean_cosine, 3);
  return tile(
    say("card_encoder"),
    bill(
      fact(say("receipt_encoder"), encoder.name),
      fact(
        say("card_languages"),
        encoder.languages.length ? languageNames(encoder.languages) : null,
      ),
      fact(say("card_dimensions"), `${number(encoder.dim)} · ${encoder.dtype}`),
      fact(say("card_reads"), say("receipt_tokens", { n: encoder.max_tokens })),
      fact(say("card_pooling"), encoder.pooling),
      fact(say("card_runtime"), encoder.runtime),
      fact(say("card_parity"), near || null, say("card_parity_title")),
      fact(
        say("receipt_fingerprint"),
        element("code", {}, shortPrint(encoder.fingerprint)),
        encoder.fingerprint,
      ),
    ),
    encoder.fallback && warningLine(encoder.fallback),
  );
}

function indexCard({ index, recall, index_card: sealed, tail, rows }) {
  const lines = [
    fact(say("receipt_index"), index, say("receipt_index_title")),
    fact(
      say("receipt_recall"),
      sealed
        ? say("receipt_recall_measured", { share: percent(recall) })
        : say("receipt_recall_exact"),
      say("receipt_recall_title"),
    ),
  ];
  if (!sealed) {
    return tile(say("card_index"), element("p", { class: "hint" }, say("card_flat")), bill(lines));
  }
  lines.push(
    fact(say("card_target"), percent(sealed.target)),
    fact(say("card_tail"), say("receipt_of", { n: tail, total: rows }), say("card_tail_title")),
    fact(say("column_size"), bytes(sealed.bytes)),
    fact(say("card_built"), moment(sealed.built)),
    fact(say("card_took"), duration(sealed.seconds)),
    fact(say("card_queries"), number(sealed.queries)),
  );
  return tile(say("card_index"), bill(lines), curve(sealed.curve));
}

/** What the index finds for how much time, as measured when it was built. */
function curve(points) {
  if (!points.length) return null;
  return element(
    "table",
    { class: "table small" },
    element("caption", {}, say("card_curve")),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, say("receipt_recall")),
        element("th", { scope: "col" }, say("card_microseconds")),
      ),
    ),
    element(
      "tbody",
      {},
      points.map(({ recall, microseconds }) =>
        element(
          "tr",
          {},
          element("td", { class: "number" }, percent(recall)),
          element("td", { class: "number" }, number(microseconds)),
        ),
      ),
    ),
  );
}

function calibrationCard({ documents, reliability }) {
  return tile(
    say("card_calibration"),
    element("p", { class: "hint" }, say("card_calibration_text")),
    bill(
      fact(say("card_judged"), number(documents)),
      Object.entries(reliability).map(([script, value]) =>
        fact(sayOr(`card_trust_${script}`, script), percent(value)),
      ),
    ),
  );
}
