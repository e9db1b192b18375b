// Targets as cards, each with its pool; and the endpoints.

import { byId, el, keyed, setAttribute, setText, show } from "./dom.js";
import { count, counted, latency, span } from "./format.js";
import * as orders from "./orders.js";
import { Table, badge, setBadge } from "./tables.js";

const ROLES = { READ_WRITE: "Writer", READ_ONLY: "Reader", "": "Role unknown" };
const STATES = {
  AVAILABLE: ["ok", "Available"],
  REGISTERING: ["info", "Registering"],
  UNAVAILABLE: ["bad", "Unavailable"],
  UNUSED: ["plain", "Unused"],
};

/** The parts of a pool, as they stand in its bar: name, colour, and how many. */
const PARTS = [
  ["pinned", (pool) => pool.pinned],
  ["lent", (pool) => pool.lent - pool.pinned],
  ["lingering", (pool) => pool.lingering],
  ["idle", (pool) => pool.idle],
  ["changing", (pool) => pool.dialing + pool.resetting + pool.retiring],
];
const MEANINGS = {
  pinned: "kept by clients until what pins them ends",
  lent: "with clients that need them",
  lingering: "with clients that keep them until somebody else needs them",
  idle: "free",
  changing: "being opened, reset or closed",
};

export class Targets {
  constructor(actions) {
    this.actions = actions;
    this.cards = new WeakMap();
    this.endpoints = new Table(byId("endpoints"), {
      caption: "Endpoints", empty: "There is no endpoint.", key: (row) => row.name,
      columns: [
        { title: "Endpoint", text: (row) => row.name },
        { title: "Listens at", class: "code", text: (row) => row.address || "nowhere" },
        {
          title: "Serves", class: "roomy",
          text: (row) => (row.target_role === "READ_ONLY" ? "reads only" : "reads and writes"),
        },
        { title: "Clients", class: "number", text: (row) => count(row.clients) },
      ],
    });
  }

  /** @param one a ProxyOverview; @param mayAct whether there are buttons. */
  show(one, mayAct) {
    const pools = new Map(one.pools.map((pool) => [pool.target, pool]));
    const name = one.status.name;
    keyed(
      byId("targets"), one.targets, (target) => `${name} ${target.address}`,
      (target) => this.card(name, target.address),
      (element, target) => {
        this.cards.get(element).show(target, pools.get(target.address), one, mayAct);
      },
    );
    show(byId("no-targets"), one.targets.length === 0);
    this.endpoints.show(one.endpoints);
  }

  card(proxy, address) {
    const card = new Card(this.actions, proxy, address);
    this.cards.set(card.element, card);
    return card.element;
  }
}

class Card {
  constructor(actions, proxy, address) {
    this.role = badge("plain", "");
    this.state = badge("plain", "");
    this.why = el("p", { class: "why" });
    this.facts = el("p", { class: "facts" });
    this.drain = button("Drain", () => actions.offer(orders.drain(proxy, address)));
    this.undrain = button("Undrain", () => actions.offer(orders.undrain(proxy, address)));
    this.promote = button("Promote", () => actions.offer(orders.promote(proxy, address)));
    this.buttons = [this.drain, this.undrain, this.promote];
    for (const one of this.buttons) {
      setAttribute(one, "aria-label", `${one.textContent} ${address}`);
    }
    this.pool = new PoolBar();
    this.element = el(
      "li", { class: "target" },
      el(
        "div", { class: "head" }, el("h3", { class: "code" }, address), this.role, this.state,
      ),
      this.why,
      el("div", { class: "head" }, this.facts, el("span", { class: "buttons" }, ...this.buttons)),
      this.pool.element,
    );
  }

  show(target, pool, one, mayAct) {
    const isWriter = target.address === one.status.writer;
    const role = isWriter ? "Writer" : ROLES[target.role];
    setBadge(this.role, isWriter ? "writer" : "plain", role);
    const [level, word] = STATES[target.state];
    if (target.draining) setBadge(this.state, "warn", "Drained");
    else setBadge(this.state, level, word);
    const reason = target.reason ? `${target.reason}: ` : "";
    setText(this.why, target.description ? reason + target.description : target.reason);
    show(this.why, this.why.textContent !== "");
    setAttribute(this.why, "class", `why ${target.state === "UNAVAILABLE" ? "bad" : ""}`);
    setText(this.facts, facts(target, isWriter));
    setAttribute(this.facts, "title", target.server && `It calls itself ${target.server}`);
    this.pool.show(pool);
    show(this.drain, mayAct && !target.draining && !isWriter);
    show(this.undrain, mayAct && target.draining);
    show(this.promote, mayAct && !isWriter && target.state === "AVAILABLE");
  }
}

function button(text, onclick) {
  return el("button", { type: "button", onclick }, text);
}

function facts(target, isWriter) {
  const found = [];
  if (!isWriter || target.lag_seconds !== null) {
    const lag = target.lag_seconds;
    if (lag === null) found.push("lag unknown");
    else found.push(`lag ${lag < 60 ? `${lag.toFixed(1)} s` : span(lag)}`);
  }
  const seen = target.seen_seconds_ago;
  found.push(seen === null ? "never seen well" : `seen well ${span(seen)} ago`);
  if (target.writable !== null) found.push(target.writable ? "takes writes" : "read-only");
  return found.join(" · ");
}

class PoolBar {
  constructor() {
    this.bar = el("div", { class: "bar", role: "img" });
    this.total = el("strong");
    this.more = el("span", { class: "more" });
    this.segments = PARTS.map(([name]) => el("span", { class: `part ${name}`, title: name }));
    this.counts = PARTS.map(() => el("b"));
    const keys = PARTS.map(([name], number) => el(
      "span", { title: MEANINGS[name] },
      el("i", { class: `swatch ${name}` }), this.counts[number], ` ${name}`,
    ));
    this.bar.append(...this.segments);
    this.element = el(
      "div", { class: "pool" }, el("p", {}, this.total, this.more), this.bar,
      el("p", { class: "keys" }, ...keys),
    );
  }

  show(pool) {
    show(this.element, pool !== undefined);
    if (!pool) return;
    const most = Math.max(pool.max_connections, pool.connections, 1);
    setText(this.total, `${count(pool.connections)} of ${count(pool.max_connections)} connections`);
    const more = [`${count(pool.in_transaction)} in transactions`];
    if (pool.held) more.unshift("held: nothing is lent");
    if (pool.waiting) {
      more.push(`${counted(pool.waiting, "client")} waiting, the first ` +
        `for ${latency(pool.longest_wait)}`);
    }
    setText(this.more, ` · ${more.join(" · ")}`);
    const words = PARTS.map(([name, of], number) => {
      const found = Math.max(0, of(pool));
      this.segments[number].style.width = `${(100 * found) / most}%`;
      setText(this.counts[number], count(found));
      return `${found} ${name}`;
    });
    setAttribute(this.bar, "aria-label", `${this.total.textContent}: ${words.join(", ")}`);
  }
}
