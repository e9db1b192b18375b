// The statements that took most of the time.

import { byId, el, setAttribute, setText } from "./dom.js";
import { count, latency, percent, span } from "./format.js";
import { Table } from "./tables.js";

const MOST = 20;

export class Statements {
  constructor(api) {
    this.api = api;
    this.every = 3000;
    this.section = byId("statements-section");
    this.total = 0;
    this.table = new Table(byId("statements"), {
      caption: "Top statements", empty: "No statement has been seen yet.",
      key: (row) => row.digest, sorted: "Share of time",
      columns: [
        {
          title: "Statement", class: "code long",
          make: (cell, row) => {
            const text = el("span", { class: "digest", title: row.digest }, row.digest);
            cell.append(text);
          },
        },
        {
          title: "Share of time", class: "number", sort: (row) => row.total_seconds,
          hint: "Of the time of the statements in this table",
          make: (cell) => cell.append(el("span", { class: "gauge" }, el("i")), el("span")),
          update: (cell, row) => {
            const share = this.total ? row.total_seconds / this.total : 0;
            cell.firstChild.firstChild.style.width = `${100 * share}%`;
            setText(cell.lastChild, percent(share));
          },
        },
        {
          title: "Count", class: "number", text: (row) => count(row.count),
          sort: (row) => row.count,
        },
        {
          title: "Mean", class: "number", text: (row) => latency(row.mean_seconds),
          sort: (row) => row.mean_seconds,
        },
        {
          title: "Max", class: "number roomy", text: (row) => latency(row.max_seconds),
          sort: (row) => row.max_seconds,
        },
        {
          title: "Errors", class: "number roomy", sort: (row) => row.errors,
          update: (cell, row) => {
            setText(cell, count(row.errors));
            setAttribute(cell, "class", `number roomy ${row.errors ? "alarming" : ""}`);
          },
        },
        {
          title: "Last", class: "number roomy", text: (row) => `${span(row.last_seen)} ago`,
          sort: (row) => -row.last_seen,
        },
      ],
    });
  }

  isWanted() {
    return true;
  }

  async refresh(proxy) {
    const { digests } = await this.api.get(["proxies", proxy, "digests"], { limit: MOST });
    this.total = digests.reduce((sum, one) => sum + one.total_seconds, 0);
    this.table.show(digests, MOST);
  }
}
