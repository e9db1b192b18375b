// The four cards with charts: throughput, latency, what multiplexing saves, the queue.

import { Chart } from "./charts.js";
import { byId, el, setAttribute, setText } from "./dom.js";
import { count, counted, latency, ratio, tick } from "./format.js";

const LABEL_EVERY_MS = 15000; // Those who cannot see a chart need no news each second.

const milliseconds = (value) => latency(value / 1e3);
const ofStatements = (name) => (moment) =>
  (moment.statement_latency[name] > 0 ? moment.statement_latency[name] * 1e3 : null);

const CARDS = {
  throughput: {
    lines: [{
      label: "statements", colour: "--line-1", filled: true, value: (one) => one.statements,
    }],
    format: count, least: 10,
  },
  latency: {
    lines: [
      { label: "p50", colour: "--line-1", value: ofStatements("p50") },
      { label: "p95", colour: "--line-2", value: ofStatements("p95") },
      { label: "p99", colour: "--line-3", value: ofStatements("p99") },
    ],
    format: milliseconds, tick, least: 1, powers: true,
  },
  connections: {
    lines: [
      { label: "clients", colour: "--line-1", filled: true, value: (one) => one.clients },
      { label: "connections", colour: "--line-2", value: (one) => one.connections },
      { label: "lent", colour: "--line-3", value: (one) => one.lent },
    ],
    format: count, least: 10,
  },
  queue: {
    lines: [
      { label: "waiting", colour: "--line-3", filled: true, value: (one) => one.waiting },
      { label: "pinned", colour: "--line-2", value: (one) => one.pinned },
    ],
    format: count, least: 5,
  },
};

export class Figures {
  constructor() {
    this.labelled = 0;
    this.charts = Object.entries(CARDS).map(([name, card]) => {
      const keys = card.lines.map((one) => {
        const swatch = el("i", { class: "swatch" });
        swatch.style.background = `var(${one.colour})`;
        return el("span", {}, swatch, one.label);
      });
      byId(`${name}-keys`).replaceChildren(...keys);
      const host = byId(`${name}-chart`);
      return { name, host, chart: new Chart(host, card) };
    });
  }

  /**
   * Show how a proxy does.
   *
   * @param one a ProxyOverview.
   * @param moments of the last minutes, oldest first; the last one is now.
   */
  show(one, moments) {
    const { now, last_minute: minute } = one;
    for (const { chart } of this.charts) chart.show(moments);
    setText(byId("throughput-now"), `${count(now.statements)} /s`);
    const most = moments.reduce((top, moment) => Math.max(top, moment.statements), 0);
    setText(byId("throughput-minute"), `${count(minute.statements / 60)} /s`);
    setText(byId("throughput-most"), `${count(most)} /s`);
    const latencies = [
      ["statement", minute.statement_latency],
      ["database", minute.database_latency],
      ["borrow", minute.borrow_latency],
    ];
    for (const [part, found] of latencies) {
      for (const name of ["p50", "p95", "p99"]) {
        setText(byId(`${part}-${name}`), found.count ? latency(found[name]) : "–");
      }
    }
    const p95 = now.statement_latency.count ? latency(now.statement_latency.p95) : "–";
    setText(byId("latency-now"), `p95 ${p95}`);
    this.showShare(now);
    setText(byId("queue-now"), `${count(now.waiting)} waiting`);
    const longest = Math.max(0, ...one.pools.map((pool) => pool.longest_wait));
    setText(byId("queue-longest"), now.waiting || longest ? latency(longest) : "–");
    setText(byId("queue-pinned"), counted(now.pinned, "client"));
    this.label();
  }

  showShare(now) {
    const { clients, connections } = now;
    const share = connections ? `${ratio(clients / connections)} to 1` : "–";
    setText(byId("connections-now"), share);
    const on = `${counted(clients, "client")} on ${counted(connections, "connection")}`;
    setText(byId("connections-words"), on);
    setText(byId("connections-lent"), `${count(now.lent)} of ${count(connections)}`);
  }

  /** Say in words what the charts show, now and then. */
  label() {
    if (Date.now() - this.labelled < LABEL_EVERY_MS) return;
    this.labelled = Date.now();
    for (const { name, host, chart } of this.charts) {
      const last = chart.moments.at(-1);
      const values = CARDS[name].lines.map((one) => {
        const value = last ? one.value(last) : null;
        return `${one.label} ${value === null ? "none" : CARDS[name].format(value)}`;
      });
      const title = byId(`${name}-title`).textContent;
      setAttribute(host, "aria-label", `${title}, the last 5 minutes. Now: ${values.join(", ")}`);
    }
  }
}
