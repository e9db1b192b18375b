// The processes that serve clients, where there are several.

import { byId, el, setAttribute, show } from "./dom.js";
import { bytes, count, latency, percent, span } from "./format.js";
import { Table, badge, setBadge } from "./tables.js";

const STATES = { serving: "ok", starting: "plain", silent: "warn", replaced: "bad" };
const RESTART_IS_NEWS_SECONDS = 600;

export class Workers {
  constructor() {
    this.section = byId("workers-section");
    this.table = new Table(byId("workers"), {
      caption: "Workers", empty: "There is none.", key: (row) => row.number,
      columns: [
        { title: "Worker", class: "number", text: (row) => row.number, sort: (row) => row.number },
        {
          title: "State",
          make: (cell) => cell.append(badge("plain", "")),
          update: (cell, row) => setBadge(cell.firstChild, STATES[row.state], row.state),
        },
        {
          title: "Clients", class: "number", text: (row) => count(row.clients),
          sort: (row) => row.clients,
        },
        {
          title: "Statements/s", class: "number", text: (row) => count(row.statements),
          sort: (row) => row.statements,
        },
        {
          title: "Processor", class: "number", hint: "Of one, in the last second",
          make: (cell) => cell.append(el("span", { class: "gauge" }, el("i")), el("span")),
          update: (cell, row) => {
            cell.firstChild.firstChild.style.width = `${100 * Math.min(1, row.cpu)}%`;
            cell.lastChild.textContent = percent(row.cpu);
          },
          sort: (row) => row.cpu,
        },
        {
          title: "Memory", class: "number roomy", text: (row) => bytes(row.resident_bytes),
          sort: (row) => row.resident_bytes,
        },
        {
          title: "Late by", class: "number roomy", text: (row) => latency(row.delay),
          sort: (row) => row.delay, hint: "How long somebody waited for a turn, in a minute",
        },
        {
          title: "Here for", class: "number roomy", text: (row) => span(row.uptime),
          sort: (row) => row.uptime,
        },
        {
          title: "Restarts", class: "number roomy", sort: (row) => row.restarts,
          update: (cell, row) => {
            const news = row.restarts && row.uptime < RESTART_IS_NEWS_SECONDS;
            cell.textContent = count(row.restarts);
            setAttribute(cell, "class", `number roomy ${news ? "alarming" : ""}`);
          },
        },
        { title: "Process", class: "number roomy", text: (row) => row.pid || "–" },
      ],
    });
  }

  /** @param workers each a WorkerStatus; of one alone the facts of the process say all. */
  show(workers) {
    show(this.section, workers.length > 1);
    if (workers.length > 1) this.table.show(workers);
  }
}
