/** What is asked, as one frozen value, and its place in the address bar, to share and go back to. */

export const LIMITS = [10, 20, 50];

/** Largest limit of one request. */
export const MOST = 10_000;

const NOTHING = Object.freeze({
  collection: "",
  query: "",
  /** What is dropped on the page: `{name, data, preview}`; it has no place in the address. */
  picture: null,
  like: Object.freeze([]),
  unlike: Object.freeze([]),
  mode: "",
  limit: LIMITS[0],
  exact: false,
  group: false,
  filter: null,
  pages: 1,
});

/**
 * `question` with `changes`; anything but more pages starts from the first page again, and asking
 * otherwise puts a picture away.
 */
export function changed(question, changes) {
  const otherwise = ["query", "like", "collection"].some((name) => name in changes);
  const picture = otherwise ? null : question.picture;
  return Object.freeze({ ...question, pages: 1, picture, ...changes });
}

/** The question of an address's parameters; parts that cannot be read are left out. */
export function fromAddress(search) {
  const given = new URLSearchParams(search);
  const limit = Number(given.get("limit"));
  const pages = Number(given.get("pages"));
  return changed(NOTHING, {
    collection: given.get("collection") ?? "",
    query: given.get("q") ?? "",
    like: Object.freeze([...new Set(given.getAll("like"))]),
    unlike: Object.freeze([...new Set(given.getAll("unlike"))]),
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
    mode: question.mode,
    limit: question.limit === NOTHING.limit ? "" : question.limit,
    exact: question.exact ? "1" : "",
    group: question.group ? "parents" : "",
    filter: question.filter ? JSON.stringify(question.filter) : "",
    pages: question.pages > 1 ? question.pages : "",
  };
  for (const [name, value] of Object.entries(parts)) if (value) said.set(name, value);
  for (const name of ["like", "unlike"]) for (const id of question[name]) said.append(name, id);
  return `?${said}`;
}

/** True if documents, and not words, say what is wanted. */
export function isRecommending(question) {
  return question.like.length > 0;
}

/** True if there is something to search for. */
export function isAsking(question) {
  return isRecommending(question) || Boolean(question.query.trim() || question.picture);
}

/**
 * The changes that add a document to those whose like is wanted, or is not; it leaves the others.
 *
 * Only documents liked can be asked with: where there are none yet, `instead` becomes the first.
 *
 * @param {object} question
 * @param {"like" | "unlike"} how
 * @param {string} id
 * @param {string} [instead] the best of the other matches
 */
export function judged(question, how, id, instead) {
  const other = how === "like" ? "unlike" : "like";
  const changes = {
    query: "",
    [how]: Object.freeze([...new Set([...question[how], id])]),
    [other]: Object.freeze(question[other].filter((each) => each !== id)),
  };
  if (!changes.like.length && instead !== undefined) changes.like = Object.freeze([instead]);
  return changes;
}

/** The changes that take a document back; without any that is liked there is nothing to ask. */
export function unjudged(question, id) {
  const like = question.like.filter((each) => each !== id);
  const unlike = like.length ? question.unlike.filter((each) => each !== id) : [];
  return { like: Object.freeze(like), unlike: Object.freeze(unlike) };
}

/**
 * The body of a question for its first `question.pages` pages at once, or for the page behind a
 * cursor.
 *
 * @returns {Record<string, unknown>} without fields that are as the server has them anyway.
 */
export function askedBody(question, cursor = null) {
  const recommending = isRecommending(question);
  const asked = question.picture
    ? { image: question.picture.data }
    : { query: question.query.trim() };
  const body = recommending ? { positive: question.like } : asked;
  if (recommending && question.unlike.length) body.negative = question.unlike;
  body.limit = cursor ? question.limit : Math.min(question.pages * question.limit, MOST);
  if (cursor) body.cursor = cursor;
  if (question.mode && !recommending && !question.picture) body.mode = question.mode;
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
