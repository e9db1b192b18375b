// What pins clients to connections: the reasons with advice, and who it is.

import { byId, el, keyed, setText, show } from "./dom.js";
import { count, counted, span } from "./format.js";
import { Table } from "./tables.js";

const MOST = 100;

export class Pins {
  constructor(api) {
    this.api = api;
    this.every = 3000;
    this.section = byId("pins-section");
    this.table = new Table(byId("pinned"), {
      caption: "Pinned clients", empty: "Nobody is pinned.",
      key: (row) => `${row.client} ${row.reason}`,
      columns: [
        { title: "Client", class: "number", text: (row) => row.client },
        { title: "User", text: (row) => `${row.user} at ${row.address}` },
        { title: "Reason", text: (row) => row.reason, hint: "What keeps it" },
        { title: "Statement", class: "code long", text: (row) => row.statement || "–" },
        {
          title: "Lasts", class: "number", text: (row) => span(row.lasts),
          sort: (row) => row.lasts,
        },
        { title: "Ends", class: "long roomy", text: (row) => row.ends },
      ],
      sorted: "Lasts",
    });
  }

  /** Show the reasons, which the overview has. */
  show(one) {
    keyed(byId("pin-reasons"), one.pins, (pin) => pin.reason, made, updated);
    show(byId("no-pins"), one.pins.length === 0);
    const now = one.now.pinned;
    const said = now ? `${counted(now, "client")} now` : "none now";
    setText(byId("pins-now"), said);
  }

  isWanted() {
    return byId("pinned-details").open;
  }

  /** Fetch who is pinned. */
  async refresh(proxy) {
    const answer = await this.api.get(["proxies", proxy, "pins"], { limit: MOST });
    const { pins, left_off: more } = answer;
    this.table.show(pins, MOST);
    setText(byId("pinned-more"), more ? `${count(more)} more are not shown.` : "");
  }
}

function made() {
  return el(
    "li", {},
    el("div", { class: "head" }, el("strong", { class: "code" }), el("span", { class: "tally" })),
    el("p"), el("p", { class: "advice" }),
  );
}

function updated(item, pin) {
  const [head, why, advice] = item.children;
  setText(head.children[0], pin.reason);
  setText(head.children[1], `${count(pin.now)} now · ${count(pin.total)} since the start`);
  item.classList.toggle("past", pin.now === 0);
  setText(why, pin.why);
  setText(advice, pin.advice);
  show(advice, pin.advice !== "");
}
