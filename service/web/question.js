/** What is asked, as one frozen value, and its place in the address bar, to share and go back to. */

export const LIMITS = [10, 20, 50];

/** Largest offset + limit a search may have. */
export const MOST = 10_000;

const NOTHING = Object.freeze({
  collection: "",
  query: "",
  like: "",
  mode: "",
  limit: LIMITS[0],
  exact: false,
  group: false,
  filter: null,
  pages: 1,
});

/** `question` with `changes`; anything but more pages starts from the first page again. */
export function changed(question, changes) {
  return Object.freeze({ ...question, pages: 1, ...changes });
}

/** The question of an address's parameters; parts that cannot be read are left out. */
export function fromAddress(search) {
  const given = new URLSearchParams(search);
  const limit = Number(given.get("limit"));
  const pages = Number(given.get("pages"));
  return changed(NOTHING, {
    collection: given.get("collection") ?? "",
    query: given.get("q") ?? "",
    like: given.get("like") ?? "",
    mode: given.get("mode") ?? "",
    limit: LIMITS.includes(limit) ? limit : NOTHING.limit,
    exact: given.get("exact") === "1",
    group: given.get("group") === "parents",
    filter: readFilter(given.get("filter")),
    pages: Number.isInteger(pages) && pages > 0 ? pages : 1,
  });
}

function readFilter(text) {
  if (!text) return null;
  try {
    const filter = JSON.parse(text);
    return filter && typeof filter === "object" && !Array.isArray(filter) ? filter : null;
  } catch {
    return null;
  }
}

/** The address's parameters of a question, `?` first; what is as usual is not said. */
export function toAddress(question) {
  const said = new URLSearchParams();
  const parts = {
    collection: question.collection,
    q: question.query,
    like: question.like,
    mode: question.mode,
    limit: question.limit === NOTHING.limit ? "" : question.limit,
    exact: question.exact ? "1" : "",
    group: question.group ? "parents" : "",
    filter: question.filter ? JSON.stringify(question.filter) : "",
    pages: question.pages > 1 ? question.pages : "",
  };
  for (const [name, value] of Object.entries(parts)) if (value) said.set(name, value);
  return `?${said}`;
}

/** True if there is something to search for. */
export function isAsking(question) {
  return Boolean(question.like || question.query.trim());
}

/**
 * The body of a search for pages `first` to `last`, counted from 1.
 *
 * @returns {Record<string, unknown>} without fields that are as the server has them anyway.
 */
export function searchBody(question, first, last) {
  const body = question.like ? { document_id: question.like } : { query: question.query.trim() };
  body.limit = Math.min((last - first + 1) * question.limit, MOST - (first - 1) * question.limit);
  if (first > 1) body.offset = (first - 1) * question.limit;
  if (question.mode && !question.like) body.mode = question.mode;
  if (question.filter) body.filter = question.filter;
  if (question.exact) body.exact = true;
  if (question.group) body.group = "parents";
  return body;
}

/** The search as a command for a POSIX shell. */
export function asCurl(address, body) {
  const quote = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const parts = [
    quote(address),
    "-H 'content-type: application/json'",
    `-d ${quote(JSON.stringify(body))}`,
  ];
  return `curl -sS ${parts.join(" \\\n  ")}`;
}
