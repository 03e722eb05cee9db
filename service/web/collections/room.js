/** The collections: what each holds, what searches it, and what was measured of both. */

import * as api from "../api.js";
import { copy } from "../clipboard.js";
import { byId, element, icon, keepingFocus, refill } from "../elements.js";
import { bytes } from "../measures.js";
import { errorNotice, noCollectionNotice, wakingNotice } from "../notices.js";
import { roomHead } from "../room_head.js";
import { toAddress } from "../router.js";
import { warningLine } from "../search/receipt.js";
import { number, percent, say } from "../words.js";
import { collectionCards } from "./cards.js";

export class CollectionsRoom {
  #frame;
  #card = null;
  #error = null;
  #asked = null;

  constructor(frame) {
    this.#frame = frame;
  }

  /** Shows all collections, and the cards of the address's. */
  async enter({ fresh }) {
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    const wanted = this.#frame.place.collection;
    if (fresh || this.#card?.name !== wanted) this.#card = null;
    this.#error = null;
    this.render();
    if (!wanted || !this.#frame.collections) return;
    try {
      const card = await api.collection(wanted, asked.signal);
      if (asked.signal.aborted) return;
      this.#card = card;
    } catch (error) {
      if (asked.signal.aborted) return;
      this.#error = error;
    }
    this.render();
  }

  leave() {
    this.#asked?.abort();
  }

  render() {
    if (!this.#frame.isShown(this)) return;
    const root = byId("room");
    keepingFocus(root, () => refill(root, this.#content()));
    document.title = `${say("room_collections")} · Meari 메아리`;
  }

  #content() {
    const { collections, unusable, error, waking } = this.#frame;
    const again = () => this.#frame.start();
    const head = roomHead(this.#frame, "collections", { chooser: false });
    if (error) return [head, errorNotice(error, again)];
    if (waking) return [head, wakingNotice(waking)];
    if (!collections) return head;
    const damaged = Object.entries(unusable).map(([name, reason]) =>
      warningLine(say("unusable", { name, reason })),
    );
    if (!collections.length) return [head, damaged, noCollectionNotice(copy, again)];
    return [
      head,
      damaged,
      element("div", { class: "wide-table" }, this.#table(collections)),
      this.#error && errorNotice(this.#error, again),
      this.#card && collectionCards(this.#card),
    ];
  }

  #table(collections) {
    const heads = ["collection", "column_documents", "receipt_encoder", "receipt_index"];
    const measured = ["receipt_recall", "column_size", "column_state"];
    return element(
      "table",
      { class: "table" },
      element("caption", { class: "hidden" }, say("room_collections")),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          [...heads, ...measured].map((key) => element("th", { scope: "col" }, say(key))),
        ),
      ),
      element(
        "tbody",
        {},
        collections.map((each) => this.#row(each)),
      ),
    );
  }

  #row(each) {
    const { name, documents, encoder, index, recall, bytes: size } = each;
    const place = { room: "collections", collection: name };
    const go = (event) => {
      event.preventDefault();
      this.#frame.go(place);
    };
    const chosen = name === this.#frame.place.collection;
    const link = {
      href: toAddress(place),
      "aria-current": chosen ? "true" : null,
      data: { focus: `collection ${name}` },
      on: { click: go },
    };
    return element(
      "tr",
      { class: chosen ? "chosen" : null },
      element("th", { scope: "row" }, element("a", link, name)),
      element("td", { class: "number" }, number(documents)),
      element("td", {}, `${encoder.name} · ${say("dimensions", { n: encoder.dim })}`),
      element("td", {}, index),
      element("td", { class: "number" }, percent(recall)),
      element("td", { class: "number" }, bytes(size)),
      element("td", {}, state(each)),
    );
  }
}

function state({ problems, maintenance, progress }) {
  if (problems.length) {
    return element(
      "span",
      { class: "badge", title: problems.join("\n") },
      icon("warning"),
      say("problems", { n: problems.length }),
    );
  }
  if (maintenance === "idle") return say("state_well");
  return `${maintenance} ${percent(progress)}`;
}
