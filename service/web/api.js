/** The server's HTTP interface, as far as the page uses it. Every call takes an abort signal. */

import { fetchWithKey } from "./key.js";

const ROOT = new URL("v1/", import.meta.url);

/** An answer that is not one: the server's own words, or why there were none. */
export class ServerError extends Error {
  /**
   * @param {string} message empty where the server gave none
   * @param {{status?: number, type?: string, param?: string, code?: string}} detail `status` 0:
   *   the server was not reached.
   */
  constructor(message, { status = 0, type = "", param = "", code = "" } = {}) {
    super(message);
    this.name = "ServerError";
    Object.assign(this, { status, type, param: param ?? "", code: code ?? "" });
  }
}

/** `/v1/collections/{name}/...` with every part escaped. */
function collectionPath(name, ...rest) {
  return ["collections", name, ...rest].map(encodeURIComponent).join("/");
}

async function call(path, { method, body, signal, parameters = {} } = {}) {
  const address = new URL(path, ROOT);
  for (const [key, value] of Object.entries(parameters)) address.searchParams.set(key, value);
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetchWithKey(address, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("");
  }
  const content = await answer.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (answer.ok && content !== null) return content;
  const told = content?.error ?? {};
  throw new ServerError(told.message ?? "", { ...told, status: answer.status });
}

/** All collections, and why others cannot be opened: `{collections, unusable}`. */
export function collections(signal) {
  return call("collections", { signal });
}

/** All that is told of one collection. */
export function collection(name, signal) {
  return call(collectionPath(name), { signal });
}

/** The first documents of a collection, at most `limit`. */
export async function firstDocuments(name, limit, signal) {
  const path = collectionPath(name, "documents");
  return (await call(path, { signal, parameters: { limit } })).documents;
}

/** Documents by id, in any order; those that are gone are left out. */
export async function documentsById(name, ids, signal) {
  const filter = JSON.stringify({ must: [{ has_id: ids }] });
  const path = collectionPath(name, "documents");
  const { documents } = await call(path, { signal, parameters: { filter, limit: ids.length } });
  return new Map(documents.map((document) => [document.id, document]));
}

/** One document. */
export function oneDocument(name, id, signal) {
  return call(collectionPath(name, "documents", id), { signal });
}

/** How many documents satisfy the filter; a filter the server refuses is a `ServerError`. */
export async function count(name, filter, signal) {
  const body = filter ? { filter } : {};
  return (await call(collectionPath(name, "documents", "count"), { body, signal })).count;
}

/** Matches and receipt; a body with `positive` asks for the like of documents. */
export function ask(name, body, signal) {
  return call(askPath(name, body), { body, signal });
}

function askPath(name, body) {
  return collectionPath(name, "positive" in body ? "recommend" : "search");
}

/** The address of the small picture of a document. */
export function thumbnailAddress(name, id) {
  const path = id.split("/").map(encodeURIComponent).join("/");
  return new URL(`${collectionPath(name, "thumbnails")}/${path}`, ROOT).href;
}

/** The small picture of a document, fetched with the key. */
export async function thumbnail(name, id) {
  const answer = await fetchWithKey(thumbnailAddress(name, id));
  if (!answer.ok) throw new ServerError("", { status: answer.status });
  return answer.blob();
}

/** The last result of an analysis (`clusters`, `map`, ...), or a part of it. */
export function analysis(name, path, parameters, signal) {
  return call(collectionPath(name, ...path.split("/")), { signal, parameters });
}

/** A file made of a result, such as an export: its content and the name the server gives it. */
export async function analysisFile(name, path, parameters) {
  const address = new URL(collectionPath(name, ...path.split("/")), ROOT);
  for (const [key, value] of Object.entries(parameters)) address.searchParams.set(key, value);
  const answer = await fetchWithKey(address);
  if (!answer.ok) throw new ServerError("", { status: answer.status });
  const named = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "");
  return { content: await answer.blob(), name: named?.[1] ?? `${name}.${parameters.format}` };
}

/** Asks for an analysis; the answer is a job. Other questions about a result are answered at once. */
export function askAnalysis(name, path, body, signal) {
  return call(collectionPath(name, ...path.split("/")), { body, signal });
}

/** The bytes of a tile of the map. */
export async function mapTile(name, { level, column, row }, signal) {
  const path = collectionPath(name, "map", "tiles", level, column, row);
  const answer = await fetchWithKey(new URL(path, ROOT), { signal });
  if (!answer.ok) throw new ServerError("", { status: answer.status });
  return answer.arrayBuffer();
}

/** What every document of the map says of one field, by position. */
export async function mapValues(name, key, signal) {
  const path = collectionPath(name, "map", "values");
  return call(path, { signal, parameters: { key } });
}

/** The documents at positions of the map, as its tiles tell them. */
export async function mapDocuments(name, positions, signal) {
  const path = collectionPath(name, "map", "documents");
  return (await call(path, { body: { positions }, signal })).documents;
}

/** Jobs, newest first: `{jobs, cursor}`. */
export function jobs(parameters, signal) {
  return call("jobs", { signal, parameters });
}

/** One job as it stands. */
export function job(id, signal) {
  return call(`jobs/${encodeURIComponent(id)}`, { signal });
}

/** Calls a job off. */
export function cancelJob(id) {
  return call(`jobs/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Takes a job up again that was stopped. */
export function resumeJob(id) {
  return call(`jobs/${encodeURIComponent(id)}/resume`, { method: "POST" });
}

/** Where a job tells of its changes. */
export function jobEvents(id) {
  return new URL(`jobs/${encodeURIComponent(id)}/events`, ROOT);
}

/** Deletes documents by id, for good; how many there were. */
export async function deleteDocuments(name, ids) {
  const body = { ids };
  return (await call(collectionPath(name, "documents", "delete"), { body })).deleted;
}

/** What the server offers, as it describes itself: an OpenAPI document. */
export function description(signal) {
  return call(new URL("../openapi.json", ROOT), { signal });
}

/** The usual way of finding first; what a server has besides these comes behind them. */
const MODES = ["hybrid", "dense", "lexical"];

/** The ways of finding that searches can choose from, the usual one first, as OpenAPI lists them. */
export function searchModes(described) {
  const mode = described.components.schemas.SearchBody.properties.mode;
  const listed = [mode, ...(mode.anyOf ?? [])].flatMap((each) => each.enum ?? each.const ?? []);
  const known = MODES.filter((name) => listed.includes(name));
  return [...known, ...listed.filter((name) => name !== null && !known.includes(name))];
}

/** The address that answers the body, for people who want to call it themselves. */
export function askAddress(name, body) {
  return new URL(askPath(name, body), ROOT).href;
}
