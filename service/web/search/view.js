/** The state of the page, on the screen. */

import { activeChips } from "./active_filters.js";
import { askAddress } from "../api.js";
import { card } from "./cards.js";
import { copy } from "../clipboard.js";
import { byId, element, icon, keepingFocus, refill, setAttribute } from "../elements.js";
import { toggleValue } from "./filter.js";
import { queryTerms } from "./highlight.js";
import { arrange } from "./image_search.js";
import {
  doubtNotice,
  emptyNotice,
  errorNotice,
  noCollectionNotice,
  nothingNotice,
  startNotice,
  wakingNotice,
} from "../notices.js";
import { asCurl, askedBody, isAsking, isRecommending, judged } from "./question.js";
import { receiptBody, receiptHint, warningLine, warnings } from "./receipt.js";
import { language, say } from "../words.js";

/** Shows all of `page`. */
export function render(page) {
  const { question, collections, modes, titles } = page;
  page.form.show(question, { collections: collections ?? [], modes, titles });
  page.pictures.show(page);
  page.panel.show(page.fields.list(), question.filter);
  byId("filter").hidden = !page.collection?.documents;
  document.body.classList.toggle("busy", page.busy || Boolean(page.waking));
  setAttribute(byId("results"), "aria-busy", String(page.busy));
  byId("status").textContent = statusText(page);
  document.title = [page.subject, "Meari 메아리"].filter(Boolean).join(" · ");
  renderActive(page);
  renderCount(page);
  refill(byId("notice"), notice(page));
  renderCards(page);
  renderReceipt(page);
}

function renderActive(page) {
  const root = byId("active");
  const chips = activeChips(page.question.filter, (filter) => page.ask({ filter }, "chosen"));
  keepingFocus(root, () => refill(root, chips));
  root.hidden = !page.question.filter;
}

/** How many documents the filter leaves. */
export function renderCount({ counted, collection, answer }) {
  const total = answer?.receipt.documents ?? collection?.documents ?? 0;
  const text = counted === null ? "" : say("filter_count", { n: counted, total });
  byId("filter-count").textContent = text;
}

function statusText({ answer, busy, failure, question, subject }) {
  if (failure) return "";
  if (!answer) return busy ? say("searching") : "";
  const { matches, cursor } = answer;
  if (!matches.length) return "";
  return [
    say(cursor ? "found_more" : "found", { n: matches.length }),
    say(isRecommending(question) ? "found_like" : "found_for", { text: subject }),
  ].join(" ");
}

/** What stands above the cards, or in their place. */
function notice(page) {
  const { answer, failure, question, collections, collection } = page;
  const again = () => page.again();
  if (failure) return errorNotice(failure, again);
  if (page.waking) return wakingNotice(page.waking);
  if (!collections) return null;
  if (!collections.length) return [damage(page), noCollectionNotice(copy, again)];
  if (collection?.documents === 0 && !answer?.matches.length)
    return emptyNotice(collection.name, copy, again);
  if (answer?.matches.length === 0) {
    const onClear = () => page.ask({ filter: null }, "chosen");
    return nothingNotice({ filtered: answer.receipt.matched_by_filter === 0, onClear });
  }
  if (answer) {
    const doubted = answer.receipt.no_good_answer && !isRecommending(question);
    return [doubted && doubtNotice(), graveWarnings(page)];
  }
  if (isAsking(question)) return null;
  return [damage(page), startNotice(page.first, (query) => page.ask({ query }, "chosen"))];
}

function graveWarnings(page) {
  const told = warnings(page.answer.receipt, asked(page));
  return told.filter(({ grave }) => grave).map(({ text }) => warningLine(text));
}

/** What the warnings of an answer depend on besides its receipt. */
function asked({ question, collection }) {
  return {
    query: isRecommending(question) ? "" : question.query,
    languages: collection?.encoder.languages ?? [],
  };
}

/** What is wrong with collections, as the server told. */
function damage({ unusable, collection }) {
  const told = Object.entries(unusable).map(([name, reason]) => say("unusable", { name, reason }));
  return [...told, ...(collection?.problems ?? [])].map(warningLine);
}

/** What the cards were last made of: the same again leaves them, and what was unfolded, alone. */
let shown = [];

function renderCards(page) {
  const { answer, question, busy } = page;
  byId("more").hidden = !answer?.cursor;
  byId("more").textContent = say(busy ? "more_loading" : "more");
  const wanted = [answer, language()];
  if (wanted.every((part, at) => part === shown[at])) return;
  shown = wanted;
  const context = {
    terms: queryTerms(isRecommending(question) ? "" : question.query),
    filter: question.filter,
    receipt: answer?.receipt,
    metric: page.collection?.metric,
    collection: question.collection,
    best: answer?.matches[0]?.score ?? 0,
    unfolded: page.unfolded,
    onToggle: (key, value) =>
      page.ask({ filter: toggleValue(page.question.filter, key, value) }, "chosen"),
    onJudge: ({ id, title }, how) => {
      page.titles.set(id, title || id);
      const other = answer.matches.find((match) => match.id !== id)?.id;
      page.ask(judged(page.question, how, id, other), "chosen");
      byId("results").focus({ preventScroll: true });
      scrollTo({ top: 0 });
    },
  };
  const root = byId("cards");
  arrange(root, answer?.matches ?? []);
  keepingFocus(root, () =>
    refill(
      root,
      (answer?.matches ?? []).map((match) => card(match, context)),
    ),
  );
}

function renderReceipt(page) {
  const { answer, question } = page;
  byId("receipt").hidden = !answer;
  byId("columns").classList.toggle("answered", Boolean(answer));
  if (!answer) return;
  byId("receipt-hint").textContent = receiptHint(answer.receipt);
  const body = askedBody(question);
  if (question.picture) body.image = "…"; // what fills pages is not for a command line
  const command = asCurl(askAddress(question.collection, body), body);
  const onCopy = (event) => copy(command, event.currentTarget);
  refill(
    byId("receipt-body"),
    receiptBody(answer.receipt, asked(page)),
    element(
      "button",
      { type: "button", class: "button curl", on: { click: onCopy } },
      icon("copy"),
      element("span", {}, say("copy_curl")),
    ),
  );
}
