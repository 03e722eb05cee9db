/** How far a job is, and what became of it. */

import { element } from "../elements.js";
import { duration } from "../measures.js";
import { percent, say, sayOr } from "../words.js";

/** What a job does or did, in words: the name of its kind. */
export function jobName({ kind }) {
  return sayOr(`job_${kind}`, kind);
}

/** A bar with its stage and the time that is left; one without end while nobody knows. */
export function jobProgress(job) {
  const { stage, done, total, eta_s: left } = job.progress;
  const known = job.state === "running" && total > 0;
  const bar = element("progress", {
    max: known ? total : null,
    value: known ? done : null,
    "aria-label": jobName(job),
  });
  const told = [
    job.state === "queued" ? say("state_queued") : sayOr(`step_${stage}`, stage),
    known && percent(done / total),
    known && left !== null && say("time_left", { time: duration(left) }),
  ];
  return element(
    "div",
    { class: "job-progress" },
    bar,
    element("p", { class: "hint number" }, told.filter(Boolean).join(" · ")),
  );
}

/** Seconds that a job ran, null before its end. */
export function secondsOf({ started, finished }) {
  return started && finished ? (new Date(finished) - new Date(started)) / 1000 : null;
}
