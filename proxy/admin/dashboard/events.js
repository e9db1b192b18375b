// Recent events, newest first.

import { byId, el, keyed, setText, show } from "./dom.js";
import { clock, counted, plain } from "./format.js";
import { badge } from "./tables.js";

const KEPT = 1000; // What the proxy keeps itself is about as much.
const PAGE = 30;
const RANKS = { debug: 0, info: 1, warning: 2, error: 3, critical: 3 };
const BADGES = { info: "info", warning: "warn", error: "bad", critical: "bad" };

export class Events {
  constructor(api) {
    this.api = api;
    this.every = 2000;
    this.section = null; // They are also counted while nobody looks.
    this.least = byId("events-level");
    this.least.addEventListener("change", () => this.draw());
    byId("events-more").addEventListener("click", () => {
      this.shown += PAGE;
      this.draw();
    });
    this.forget();
  }

  /** Begin anew: it is another process. */
  forget() {
    this.last = 0;
    this.events = [];
    this.shown = PAGE;
  }

  isWanted() {
    return true;
  }

  async refresh() {
    const { events, last } = await this.api.get(["events"], { after: this.last, limit: KEPT });
    if (last < this.last) {
      this.forget(); // Its numbers begin anew: the next look has them all.
      return;
    }
    this.last = last;
    if (!events.length && this.drawn) return;
    this.events = [...events.toReversed(), ...this.events].slice(0, KEPT);
    this.draw();
  }

  draw() {
    this.drawn = true;
    const rank = RANKS[this.least.value];
    const found = this.events.filter((event) => (RANKS[event.level] ?? 1) >= rank);
    keyed(byId("events"), found.slice(0, this.shown), (event) => event.number, made, () => {});
    show(byId("no-events"), found.length === 0);
    const left = found.length - this.shown;
    show(byId("events-more"), left > 0);
    setText(byId("events-more"), `Show more (${counted(left, "older event")})`);
  }
}

function made(event) {
  const fields = Object.entries(event.fields)
    .filter(([, value]) => value !== null && value !== "")
    .flatMap(([name, value]) => [
      el("span", { class: "field" }, el("span", { class: "name" }, name), ` ${plain(value)}`), " ",
    ]);
  return el(
    "li", { class: BADGES[event.level] ?? "info" },
    el("time", { datetime: event.time, title: event.time }, clock(event.time)),
    badge(BADGES[event.level] ?? "info", event.level),
    el("span", { class: "what" }, el("strong", {}, event.event), " ", ...fields),
  );
}
