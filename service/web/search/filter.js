/**
 * A filter is one JSON object and stays one: the chips and ranges of the page read it and give
 * back a changed copy. What they cannot show (`should`, nested filters, ...) they leave as it is
 * and only count, so that nothing written by hand is ever lost.
 */

const RANGE = ["gt", "gte", "lt", "lte"];

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function conditions(filter) {
  const must = filter?.must ?? [];
  return Array.isArray(must) ? must : [must];
}

function hasOnly(value, names) {
  return isObject(value) && Object.keys(value).every((name) => names.includes(name));
}

/** The values of a `match` the chips can show, or null. */
function matchValues(condition) {
  if (!hasOnly(condition, ["key", "match"]) || typeof condition.key !== "string") return null;
  const { match } = condition;
  if (hasOnly(match, ["value"]) && "value" in match) return [match.value];
  if (hasOnly(match, ["any"]) && Array.isArray(match.any)) return match.any;
  return null;
}

/** The bounds of a `range` the inputs can show, or null. */
function rangeBounds(condition) {
  if (!hasOnly(condition, ["key", "range"]) || typeof condition.key !== "string") return null;
  return hasOnly(condition.range, RANGE) ? condition.range : null;
}

/**
 * What the page can show of a filter.
 *
 * @returns {{values: Map<string, unknown[]>, ranges: Map<string, object>, others: number}}
 *   `others` counts the parts that only the JSON shows.
 */
export function readFilter(filter) {
  const shown = { values: new Map(), ranges: new Map(), others: 0 };
  for (const condition of conditions(filter)) {
    const values = matchValues(condition);
    const bounds = rangeBounds(condition);
    if (values && !shown.values.has(condition.key)) shown.values.set(condition.key, values);
    else if (bounds && !shown.ranges.has(condition.key)) shown.ranges.set(condition.key, bounds);
    else shown.others += 1;
  }
  shown.others += Object.keys(filter ?? {}).filter((name) => name !== "must").length;
  return shown;
}

/** `filter` with its first condition that `reads` and is about `key` replaced; null removes it. */
function replace(filter, key, reads, condition) {
  const kept = [...conditions(filter)];
  const at = kept.findIndex((old) => isObject(old) && old.key === key && reads(old));
  if (at >= 0) kept.splice(at, 1, ...(condition ? [condition] : []));
  else if (condition) kept.push(condition);
  const { must: _, ...rest } = filter ?? {};
  const whole = kept.length ? { must: kept, ...rest } : rest;
  return Object.keys(whole).length ? whole : null;
}

/** The filter with `value` of `key` wanted, or no longer; several values of a key mean any of them. */
export function toggleValue(filter, key, value) {
  const wanted = readFilter(filter).values.get(key) ?? [];
  const next = wanted.includes(value) ? wanted.filter((old) => old !== value) : [...wanted, value];
  const match = next.length === 1 ? { value: next[0] } : { any: next };
  return replace(filter, key, matchValues, next.length ? { key, match } : null);
}

/** The filter with `value` the only one of `key` that is wanted. */
export function onlyValue(filter, key, value) {
  return replace(filter, key, matchValues, { key, match: { value } });
}

/** The filter with `key` between bounds (`{gte, lte}`, either may be missing); null removes them. */
export function setRange(filter, key, bounds) {
  const range = bounds && Object.keys(bounds).length ? bounds : null;
  return replace(filter, key, rangeBounds, range ? { key, range } : null);
}

/** Only what the chips and ranges show, or null. */
export function withoutOthers(filter) {
  const { values, ranges } = readFilter(filter);
  let kept = null;
  for (const [key, wanted] of values) {
    for (const value of wanted) kept = toggleValue(kept, key, value);
  }
  for (const [key, bounds] of ranges) kept = setRange(kept, key, bounds);
  return kept;
}
