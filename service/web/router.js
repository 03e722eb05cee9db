/** Addresses of the page: which room, which collection, and what is wanted there. */

/** The room of an address that names none. */
export const FIRST_ROOM = "search";

/**
 * The place an address names.
 *
 * @param {string} search the address's parameters, `?` first or empty
 * @returns {{room: string, collection: string, wanted: Record<string, string>}} `wanted`: the
 *   parameters that only the room understands.
 */
export function fromAddress(search) {
  const { view, collection, ...wanted } = Object.fromEntries(new URLSearchParams(search));
  return Object.freeze({ room: view || FIRST_ROOM, collection: collection ?? "", wanted });
}

/** The address's parameters of a place, `?` first; empty ones are left out. */
export function toAddress({ room, collection, wanted = {} }) {
  const said = new URLSearchParams();
  const all = { collection, view: room === FIRST_ROOM ? "" : room, ...wanted };
  for (const [name, value] of Object.entries(all)) {
    if (value !== "" && value !== null && value !== undefined) said.set(name, String(value));
  }
  return `?${said}`;
}
