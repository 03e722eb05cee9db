/** What stands in place of matches: the start, nothing found, no collection, an error. */

import { element, icon } from "./elements.js";
import { say } from "./words.js";

function notice(kind, title, ...content) {
  return element("div", { class: `notice ${kind}` }, element("h2", {}, title), content);
}

function button(text, onClick, kind = "") {
  return element(
    "button",
    { type: "button", class: `button ${kind}`, on: { click: onClick } },
    text,
  );
}

function command(text, onCopy) {
  return element(
    "div",
    { class: "command" },
    element("pre", { tabindex: "0" }, element("code", {}, text)),
    element(
      "button",
      {
        type: "button",
        class: "round",
        "aria-label": say("copy"),
        title: say("copy"),
        on: { click: (event) => onCopy(text, event.currentTarget) },
      },
      icon("copy"),
    ),
  );
}

/** A name as one word of a POSIX shell. */
function shellWord(name) {
  return /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}

/** The server is up but not ready; the page asks again by itself. */
export function wakingNotice(message) {
  return notice("start", say("waking_title"), element("p", {}, message));
}

/** Nothing was asked yet: a welcome, and titles to try. */
export function startNotice(documents, onTry) {
  const titles = [...new Set(documents.map(({ title }) => title).filter(Boolean))].slice(0, 5);
  return notice(
    "start",
    say("start_title"),
    element("p", {}, say("start_text")),
    titles.length > 0 && [
      element("h3", {}, say("start_try")),
      element(
        "ul",
        { class: "tries" },
        titles.map((title) =>
          element(
            "li",
            {},
            button(title, () => onTry(title), "quiet"),
          ),
        ),
      ),
    ],
  );
}

/** Above matches of which probably none answers. */
export function doubtNotice() {
  return element(
    "div",
    { class: "doubt", role: "note" },
    element("h2", {}, say("doubt_title")),
    element("p", {}, say("doubt_text")),
  );
}

/** The search was answered, with no match. */
export function nothingNotice({ filtered, onClear }) {
  return notice(
    "nothing",
    say("nothing_title"),
    element("p", {}, say(filtered ? "nothing_filter" : "nothing_text")),
    filtered && button(say("filter_clear_now"), onClear, "primary"),
  );
}

/** The collection holds no document. */
export function emptyNotice(name, onCopy, onRetry) {
  return notice(
    "empty",
    say("empty_title"),
    element("p", {}, say("empty_text")),
    command(`meari index notes.jsonl --into ${shellWord(name)} --url ${location.origin}`, onCopy),
    button(say("look_again"), onRetry),
  );
}

/** The server has no collection at all. */
export function noCollectionNotice(onCopy, onRetry) {
  const http =
    `curl -sS ${location.origin}/v1/collections \\\n  -H 'content-type: application/json' \\\n` +
    `  -d '{"name":"notes"}'`;
  return notice(
    "empty",
    say("no_collection_title"),
    element("p", {}, say("no_collection_text")),
    command(`meari index docs/ --into notes --url ${location.origin}`, onCopy),
    element("p", {}, say("no_collection_http")),
    command(http, onCopy),
    button(say("look_again"), onRetry),
  );
}

/** The server refused, failed or was not reached; in its own words where it has some. */
export function errorNotice(error, onRetry) {
  let message = error.message;
  if (!message)
    message = error.status
      ? say("error_unreadable", { status: String(error.status) })
      : say("error_unreachable");
  const where = [error.param && say("error_field", { field: error.param }), error.code].filter(
    Boolean,
  );
  return element(
    "div",
    { class: "notice error", role: "alert" },
    element("h2", {}, icon("warning"), say("error_title")),
    element("p", { class: "message" }, message),
    where.length > 0 && element("p", { class: "hint" }, where.join(" · ")),
    button(say("retry"), onRetry),
  );
}
