/** What rooms show while there is no result yet, while one is made, and how one was made. */

import { element, icon } from "../elements.js";
import { moment } from "../measures.js";
import { isOver } from "../jobs/following.js";
import { jobProgress } from "../jobs/progress.js";
import { errorNotice } from "../notices.js";
import { fact } from "../room_head.js";
import { times, warningLine } from "../search/receipt.js";
import { number, say, sayOr } from "../words.js";

/**
 * What stands above a result, or in its place.
 *
 * @param {import("./asking.js").Asking} asking
 * @param {{room: string, onAsk: () => void}} how
 */
export function askingNotices(asking, { room, onAsk }) {
  const { result, job, error, loading } = asking;
  const under = job && !isOver(job);
  return [
    error && errorNotice(error, onAsk),
    job?.error && element("p", { class: "problem", role: "alert" }, job.error.message),
    job?.state === "cancelled" && element("p", { class: "hint" }, say("was_cancelled")),
    under && underWay(asking),
    !result && !under && !loading && !error && invitation(room, onAsk),
    result?.stale && !under && staleLine(onAsk),
    (result?.receipt.warnings ?? []).map(warningLine),
  ];
}

function underWay(asking) {
  return element(
    "div",
    { class: "under-way" },
    jobProgress(asking.job),
    element(
      "button",
      { type: "button", class: "button", data: { focus: "cancel" }, on: { click: () => asking.cancel() } },
      say("job_cancel"),
    ),
  );
}

/** Nothing was asked yet. */
function invitation(room, onAsk) {
  return element(
    "div",
    { class: "notice" },
    element("h3", { class: "invitation" }, say(`none_${room}`)),
    element("p", {}, say(`none_text_${room}`)),
    element(
      "button",
      { type: "button", class: "button primary", data: { focus: "ask" }, on: { click: onAsk } },
      say(`ask_${room}`),
    ),
  );
}

function staleLine(onAsk) {
  return element(
    "p",
    { class: "stale", role: "note" },
    icon("again"),
    element("span", {}, say("stale")),
    element("button", { type: "button", class: "link", on: { click: onAsk } }, say("make_again")),
  );
}

/** How the result was made: a panel that unfolds. */
export function receiptPanel(result) {
  const { receipt, made } = result;
  const { milliseconds, warnings: _, ...rest } = receipt;
  const lines = Object.entries(rest).flatMap(([name, value]) => receiptLine(name, value));
  return element(
    "details",
    { class: "panel receipt-of-result" },
    element(
      "summary",
      {},
      element("span", {}, say("receipt")),
      element("span", { class: "hint" }, say("made_at", { time: moment(made.at) })),
    ),
    element(
      "div",
      { class: "panel-body" },
      element("dl", { class: "bill" }, lines),
      milliseconds && times(milliseconds),
    ),
  );
}

function receiptLine(name, value) {
  if (value === null || value === undefined) return [];
  if (typeof value === "object" && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([part, each]) => receiptLine(`${name}.${part}`, each));
  }
  return [fact(sayOr(`fact_${name}`, name.replaceAll("_", " ")), written(value))];
}

function written(value) {
  if (typeof value === "number") return number(value, 4);
  if (typeof value === "boolean") return say(value ? "yes" : "no");
  return Array.isArray(value) ? value.map(written).join(", ") : String(value);
}
