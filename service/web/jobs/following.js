/** Following jobs while they wait and run. */

import * as api from "../api.js";

const POLL_MS = 1000;

/** True if nothing more happens to the job. */
export function isOver({ state }) {
  return state !== "queued" && state !== "running";
}

/**
 * Follows a job by server-sent events, and by asking now and then where the server has no room for
 * another stream.
 *
 * @param {string} id
 * @param {(job: object) => void} tell called at every change
 * @param {AbortSignal} signal stops following; the job goes on
 * @returns {Promise<object | null>} the job once it is over, null if following was stopped
 */
export async function follow(id, tell, signal) {
  const streamed = await followStream(id, tell, signal);
  if (streamed || signal.aborted) return streamed;
  for (;;) {
    const job = await api.job(id, signal);
    tell(job);
    if (isOver(job)) return job;
    await pause(POLL_MS, signal);
    if (signal.aborted) return null;
  }
}

/** The job in the end; null if the stream was refused or following was stopped. */
function followStream(id, tell, signal) {
  return new Promise((resolve) => {
    const source = new EventSource(api.jobEvents(id));
    const end = (job) => {
      source.close();
      signal.removeEventListener("abort", stop);
      resolve(job);
    };
    const stop = () => end(null);
    signal.addEventListener("abort", stop);
    source.addEventListener("job", ({ data }) => {
      const job = JSON.parse(data);
      tell(job);
      if (isOver(job)) end(job);
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) end(null);
    });
    if (signal.aborted) stop();
  });
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
