/** Sizes, durations and moments as people write them. */

import { fixed, language, number, say } from "./words.js";

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes in the largest unit that leaves at least 1 of it, in thousands. */
export function bytes(size) {
  let at = 0;
  let left = size;
  while (left >= 1000 && at < UNITS.length - 1) {
    left /= 1000;
    at += 1;
  }
  return `${left >= 100 || at === 0 ? number(left) : fixed(left, 1)} ${UNITS[at]}`;
}

/** Seconds as seconds, minutes or hours. */
export function duration(seconds) {
  if (seconds < 1) return say("milliseconds", { n: Math.max(1, Math.round(seconds * 1000)) });
  if (seconds < 90) return say("seconds", { n: Math.round(seconds) });
  if (seconds < 5400) return say("minutes", { n: Math.round(seconds / 60) });
  return say("hours", { n: Math.round(seconds / 3600) });
}

/** An RFC 3339 time as the reader's clock and language write it. */
export function moment(time) {
  const format = new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" });
  return format.format(new Date(time));
}

/** The day of a time in milliseconds, UTC. */
export function day(milliseconds) {
  const format = new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeZone: "UTC" });
  return format.format(new Date(milliseconds));
}
