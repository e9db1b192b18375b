// The clients: those that matter most first, and any of them by a search.

import { byId, el, setAttribute, setText } from "./dom.js";
import { count, counted, span } from "./format.js";
import * as orders from "./orders.js";
import { Table, badge, setBadge } from "./tables.js";

const SHOWN = 100;
const FETCHED = 1000; // What the API gives unless it is asked for more.
const SEARCHED = 10000; // The most that it gives.
const TYPING_MS = 250;

const PINNED = 5; // They matter more than anything but those that wait.
const STATES = {
  waiting: ["warn", 6], transaction: ["info", 4], running: ["ok", 3], login: ["plain", 2],
  idle: ["plain", 1],
};

export class Clients {
  constructor(api, actions, soon) {
    this.api = api;
    this.every = 3000;
    this.section = byId("clients-section");
    this.mayAct = false;
    this.found = [];
    this.search = byId("clients-search");
    this.search.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => {
        this.draw();
        if (this.left) soon(this);
      }, TYPING_MS);
    });
    this.table = new Table(byId("clients"), {
      caption: "Clients", empty: "No client is like that.",
      key: (row) => row.number, sorted: "State", columns: this.columns(actions),
    });
  }

  columns(actions) {
    return [
      {
        title: "Client", class: "number", text: (row) => row.number, sort: (row) => row.number,
      },
      { title: "User", text: (row) => row.user || "–", sort: (row) => row.user },
      { title: "Address", class: "code", text: (row) => row.address, sort: (row) => row.address },
      {
        title: "State", sort: rank,
        make: (cell) => cell.append(badge("plain", ""), el("span", { class: "more" })),
        update: (cell, row) => {
          setBadge(cell.firstChild, STATES[row.state][0], row.state);
          const pins = row.pins.length ? ` pinned: ${row.pins.join(", ")}` : "";
          const waits = row.state === "waiting" ? ` for ${span(row.waiting)}` : "";
          setText(cell.lastChild, waits + pins);
        },
      },
      {
        title: "Endpoint", class: "roomy", text: (row) => row.endpoint,
        sort: (row) => row.endpoint,
      },
      {
        title: "Schema", class: "roomy", text: (row) => row.schema || "–",
        sort: (row) => row.schema,
      },
      {
        title: "Connection", class: "code roomy",
        text: (row) => (row.target ? `${row.target} #${row.connection ?? "?"}` : "–"),
        sort: (row) => row.target ?? "",
      },
      {
        title: "Silent", class: "number roomy", text: (row) => span(row.silent),
        sort: (row) => row.silent, hint: "Since it last sent something",
      },
      {
        title: "Here for", class: "number roomy", text: (row) => span(row.connected),
        sort: (row) => row.connected,
      },
      { title: "TLS", class: "roomy", text: (row) => row.tls || "no", sort: (row) => row.tls },
      {
        title: "Action", unseen: true,
        make: (cell, row) => {
          const onclick = () => actions.offer(orders.kill(row));
          const named = { type: "button", onclick, "aria-label": `Kill client ${row.number}` };
          cell.append(el("button", named, "Kill"));
        },
        update: (cell) => setAttribute(cell.firstChild, "hidden", !this.mayAct),
      },
    ];
  }

  isWanted() {
    return true;
  }

  async refresh(proxy) {
    const limit = this.search.value.trim() ? SEARCHED : FETCHED;
    const answer = await this.api.get(["proxies", proxy, "clients"], { limit });
    this.found = answer.clients;
    this.left = answer.left_off;
    this.draw();
  }

  draw() {
    const words = this.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.found.filter((row) => {
      const text = [
        row.number, row.user, row.address, row.endpoint, row.schema, row.state, row.target,
        row.connection, ...row.pins,
      ].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    this.table.show(found, SHOWN);
    const all = this.found.length + (this.left ?? 0);
    const shown = Math.min(found.length, SHOWN);
    let said = words.length
      ? `${count(found.length)} of ${counted(all, "client")}`
      : counted(all, "client");
    if (shown < found.length || (this.left && !words.length)) said += `, ${count(shown)} shown`;
    setText(byId("clients-count"), said);
  }
}

/** How much a client matters: by its state, then by how long it has waited or been silent. */
function rank(row) {
  const state = Math.max(STATES[row.state][1], row.pins.length ? PINNED : 0);
  return state * 1e9 + Math.min(row.waiting * 1e3 + row.silent, 1e8);
}
