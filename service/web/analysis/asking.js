/** Asking for an analysis and following its job, alike in every room that shows a result. */

import * as api from "../api.js";
import { follow } from "../jobs/following.js";

/**
 * What is known of one analysis of one collection.
 *
 * `result` is what the server keeps, null where it keeps none; `job` is under way or stopped
 * short; `error` is why neither could be had.
 */
export class Asking {
  result = null;
  job = null;
  error = null;
  loading = false;
  #path;
  #kind;
  #changed;
  #collection = "";
  #stop = new AbortController();

  /**
   * @param {string} path of the analysis below the collection: `clusters`, `duplicates/leakage`
   * @param {() => void} changed called whenever there is something new to show
   * @param {string} [kind] of its jobs
   */
  constructor(path, changed, kind = path) {
    this.#path = path;
    this.#kind = kind;
    this.#changed = changed;
  }

  /** Forgets everything, and reads what there is of that collection. */
  async enter(collection, parameters = {}) {
    this.leave();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#collection = collection;
    Object.assign(this, { result: null, job: null, error: null, loading: true });
    this.#changed();
    await this.#read(parameters, signal);
    if (signal.aborted || this.error) return;
    await this.#findJob(parameters, signal);
  }

  /** Stops following; the job goes on. */
  leave() {
    this.#stop.abort();
  }

  async #read(parameters, signal) {
    try {
      const result = await api.analysis(this.#collection, this.#path, parameters, signal);
      if (signal.aborted) return;
      this.result = result;
    } catch (error) {
      if (signal.aborted) return;
      if (error.status !== 404 || error.code !== "result_not_found") this.error = error;
    }
    this.loading = false;
    this.#changed();
  }

  /** The job that is under way already, as after a reload. */
  async #findJob(parameters, signal) {
    try {
      const wanted = { collection: this.#collection, kind: this.#kind, limit: 1 };
      const [job] = (await api.jobs(wanted, signal)).jobs;
      if (job && !signal.aborted && ["queued", "running"].includes(job.state))
        await this.#follow(job, parameters, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** Asks anew; what there was stays until the new result is there. */
  async ask(body, parameters = {}) {
    const { signal } = this.#stop;
    this.error = null;
    try {
      const job = await api.askAnalysis(this.#collection, this.#path, body, signal);
      await this.#follow(job, parameters, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  async #follow(job, parameters, signal) {
    const tell = (now) => {
      this.job = now;
      this.#changed();
    };
    tell(job);
    const ended = await follow(job.id, tell, signal);
    if (!ended || signal.aborted) return;
    if (ended.state === "done") {
      this.job = null;
      await this.#read(parameters, signal);
    }
  }

  /** Calls the job off. */
  async cancel() {
    try {
      this.job = await api.cancelJob(this.job.id);
    } catch (error) {
      this.error = error;
    }
    this.#changed();
  }

  #fail(error) {
    this.error = error;
    this.#changed();
  }
}
