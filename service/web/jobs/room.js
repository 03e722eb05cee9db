/** The jobs: what is under way, what is done, what went wrong. */

import * as api from "../api.js";
import { byId, element, icon, keepingFocus, refill } from "../elements.js";
import { duration, moment } from "../measures.js";
import { errorNotice } from "../notices.js";
import { roomHead } from "../room_head.js";
import { toAddress } from "../router.js";
import { say } from "../words.js";
import { follow, isOver } from "./following.js";
import { jobName, jobProgress, secondsOf } from "./progress.js";

const PAGE = 50;
const LOOK_AGAIN_MS = 5000;

/** Where what a job found is shown. */
const ROOM_OF = { leakage: "duplicates" };

export class JobsRoom {
  needs = "/v1/jobs";
  #frame;
  #jobs = null;
  #cursor = null;
  #error = null;
  #shown = null;
  #followed = new Set();

  constructor(frame) {
    this.#frame = frame;
  }

  /** Shows the newest jobs, and their changes while the room is shown. */
  async enter() {
    this.#shown?.abort();
    this.#shown = new AbortController();
    this.#followed.clear();
    this.#error = null;
    this.render();
    const { signal } = this.#shown;
    await this.#look(signal);
    const timer = setInterval(() => this.#look(signal), LOOK_AGAIN_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    if (signal.aborted) clearInterval(timer);
  }

  leave() {
    this.#shown?.abort();
  }

  async #look(signal) {
    try {
      const { jobs, cursor } = await api.jobs({ limit: PAGE }, signal);
      if (signal.aborted) return;
      this.#jobs = jobs;
      this.#cursor = cursor;
      this.#error = null;
    } catch (error) {
      if (signal.aborted) return;
      this.#error = error;
    }
    this.render();
    this.#follow(signal);
  }

  /** Follows the one that runs, else the next in turn: browsers keep few connections. */
  async #follow(signal) {
    const open = (this.#jobs ?? []).filter((job) => !isOver(job));
    const next = open.find(({ state }) => state === "running") ?? open.at(-1);
    if (!next || this.#followed.has(next.id)) return;
    this.#followed.add(next.id);
    const ended = await follow(next.id, (job) => this.#take(job), signal).catch(() => null);
    this.#followed.delete(next.id);
    if (ended) await this.#look(signal);
  }

  #take(job) {
    this.#jobs = this.#jobs.map((each) => (each.id === job.id ? job : each));
    this.render();
  }

  async #change(work) {
    try {
      this.#take(await work());
    } catch (error) {
      this.#error = error;
    }
    await this.#look(this.#shown.signal);
  }

  async #more() {
    try {
      const parameters = { limit: PAGE, cursor: this.#cursor };
      const { jobs, cursor } = await api.jobs(parameters, this.#shown.signal);
      this.#jobs = [...this.#jobs, ...jobs];
      this.#cursor = cursor;
    } catch (error) {
      this.#error = error;
    }
    this.render();
  }

  render() {
    if (!this.#frame.isShown(this)) return;
    const root = byId("room");
    keepingFocus(root, () => refill(root, this.#content()));
    document.title = `${say("room_jobs")} · Meari 메아리`;
  }

  #content() {
    const jobs = this.#jobs;
    return [
      roomHead(this.#frame, "jobs", { chooser: false }),
      this.#error && errorNotice(this.#error, () => this.enter()),
      jobs?.length === 0 && element("p", { class: "hint" }, say("jobs_none")),
      jobs?.length > 0 &&
        element(
          "ol",
          { class: "job-list" },
          jobs.map((job) => this.#item(job)),
        ),
      this.#cursor &&
        element(
          "button",
          { type: "button", class: "button more", on: { click: () => this.#more() } },
          say("more_show"),
        ),
    ];
  }

  #item(job) {
    const { id, collection, state, error, created } = job;
    const seconds = secondsOf(job);
    return element(
      "li",
      { class: `job ${state}` },
      element(
        "div",
        { class: "job-line" },
        element("h3", {}, jobName(job), " ", element("span", { class: "soft" }, collection)),
        element("span", { class: `state ${state}` }, say(`state_${state}`)),
        element(
          "span",
          { class: "hint number" },
          moment(created),
          seconds !== null && ` · ${duration(seconds)}`,
        ),
        element("span", { class: "space" }),
        this.#actions(job),
      ),
      !isOver(job) && jobProgress(job),
      error && element("p", { class: "problem", data: { job: id } }, error.message),
    );
  }

  #actions(job) {
    if (!isOver(job)) {
      return button("cancel", `${job.id} cancel`, say("job_cancel"), "close", () =>
        this.#change(() => api.cancelJob(job.id)),
      );
    }
    if (job.state !== "done") {
      return button("resume", `${job.id} resume`, say("job_resume"), "again", () =>
        this.#change(() => api.resumeJob(job.id)),
      );
    }
    const room = ROOM_OF[job.kind] ?? job.kind;
    if (!this.#frame.offered.includes(room)) return null;
    const place = { room, collection: job.collection };
    const go = (event) => {
      event.preventDefault();
      this.#frame.go(place);
    };
    return element(
      "a",
      { class: "link", href: toAddress(place), data: { focus: `${job.id} show` }, on: { click: go } },
      say("job_show"),
    );
  }
}

function button(kind, focus, text, picture, onClick) {
  return element(
    "button",
    { type: "button", class: `link ${kind}`, data: { focus }, on: { click: onClick } },
    icon(picture),
    text,
  );
}
