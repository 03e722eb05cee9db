/** Which metadata there is to filter by, learnt from the documents seen so far. */

const DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
const ADDRESS = /^https?:\/\/\S+$/i;
const MOST_VALUES = 200;
const MOST_CHIPS = 60;

/**
 * The strings, numbers and booleans of a metadata object, in its order; lists are taken apart.
 *
 * @returns {{key: string, value: unknown, usable: boolean}[]} `key` as filters write it
 *   (`a.b`, `a[].b`); not usable where a name holds a dot or ends in `[]`, which filters cannot say.
 */
export function leaves(metadata, before = "", usable = true) {
  return Object.entries(metadata ?? {}).flatMap(([name, value]) => {
    const key = `${before}${name}`;
    const plain = usable && name !== "" && !name.includes(".") && !name.endsWith("[]");
    return Array.isArray(value)
      ? value.flatMap((item) => leaf(item, key, `${key}[].`, plain))
      : leaf(value, key, `${key}.`, plain);
  });
}

function leaf(value, key, inside, usable) {
  if (isPlain(value)) return [{ key, value, usable }];
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  return isObject ? leaves(value, inside, usable) : [];
}

function isPlain(value) {
  return ["string", "number", "boolean"].includes(typeof value);
}

/** True for a whole http or https address; nothing else becomes a link. */
export function isAddress(value) {
  return typeof value === "string" && ADDRESS.test(value) && URL.canParse(value);
}

/** Counts the values of each key over the documents it is shown. */
export class Fields {
  #keys = new Map();
  #seen = new Set();

  /** Learn from documents; one that was seen before counts once. */
  learn(documents) {
    for (const { id, metadata } of documents) {
      if (this.#seen.has(id)) continue;
      this.#seen.add(id);
      for (const { key, value, usable } of leaves(metadata))
        if (usable) this.#learnValue(key, value);
    }
  }

  #learnValue(key, value) {
    if (!this.#keys.has(key)) this.#keys.set(key, new Map());
    const values = this.#keys.get(key);
    if (values.has(value) || values.size < MOST_VALUES)
      values.set(value, (values.get(value) ?? 0) + 1);
  }

  /**
   * The fields: those with few repeated values, then numbers and dates, then those with many
   * values; those that only hold web addresses left out.
   *
   * @returns {{key: string, kind: "values"|"number"|"date", values: unknown[], few: boolean}[]}
   *   `values` most frequent first, for number and date ascending; `few`: worth showing at once.
   */
  list() {
    const usable = [...this.#keys].filter(([, counts]) => ![...counts.keys()].every(isAddress));
    const fields = usable.map(([key, counts]) => describe(key, counts));
    const place = ({ kind, few }) => (kind !== "values" ? 1 : few ? 0 : 2);
    return fields.toSorted((a, b) => place(a) - place(b));
  }
}

function describe(key, counts) {
  const values = [...counts.keys()];
  const uses = [...counts.values()].reduce((sum, n) => sum + n, 0);
  if (values.length > 1 && values.every((value) => typeof value === "number")) {
    return { key, kind: "number", values: values.toSorted((a, b) => a - b), few: true };
  }
  if (values.length > 1 && values.every((value) => typeof value === "string" && DATE.test(value))) {
    return { key, kind: "date", values: values.toSorted(), few: true };
  }
  const frequent = [...counts].toSorted(([, a], [, b]) => b - a).map(([value]) => value);
  const few = values.length <= 3 || (values.length <= MOST_CHIPS && uses >= values.length * 1.5);
  return { key, kind: "values", values: frequent, few };
}
