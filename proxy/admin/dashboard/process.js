// The process itself: facts, the log's level, reload and restart.

import { byId, el, setAttribute, setText, show } from "./dom.js";
import { bytes, clock, count, percent, span } from "./format.js";
import * as orders from "./orders.js";

export class ProcessPanel {
  constructor(actions) {
    this.actions = actions;
    this.process = null;
    this.cpu = null;
    byId("reload").addEventListener("click", () => {
      actions.offer(orders.reload(this.process?.configuration));
    });
    byId("restart").addEventListener("click", () => actions.offer(orders.restart()));
    this.level = byId("log-level");
    this.level.addEventListener("change", () => {
      this.chosen = true;
      actions.run(orders.setLevel(this.level.value)).finally(() => { this.chosen = false; });
    });
    this.debug = byId("debug-logging");
    this.debug.addEventListener("click", () => {
      const on = this.debug.getAttribute("aria-pressed") !== "true";
      actions.offer(orders.debugLogging(this.proxy, on));
    });
  }

  /** @param process a ProcessStatus; @param proxy the name of the one that is looked at. */
  show(process, proxy, mayAct) {
    this.process = process;
    this.proxy = proxy;
    const facts = [
      ["Version", `${process.version} (${process.form})`],
      ["Process", `${process.pid}, for ${span(process.uptime)}`],
      ["Memory", bytes(process.resident_bytes)],
      ["Processor", this.load(process)],
      ...(process.workers > 1 ? [["Workers", count(process.workers)]] : []),
      ["Files", `${count(process.open_files)} of ${count(process.max_open_files)}`],
      ["Clients", count(process.clients)],
      ["Configuration", process.configuration || "no file"],
      ["In force since", clock(process.configured)],
    ];
    const list = byId("facts");
    if (list.childElementCount !== facts.length) {
      list.replaceChildren(...facts.map(([name]) => el("div", {}, el("dt", {}, name), el("dd"))));
    }
    facts.forEach(([, text], number) => setText(list.children[number].lastChild, text));
    setText(byId("log-level-now"), process.log_level);
    if (!this.chosen && document.activeElement !== this.level) {
      this.level.value = process.log_level;
    }
    const on = process.debug_logging.includes(proxy);
    setAttribute(this.debug, "aria-pressed", String(on));
    setText(this.debug, `Debug logging of ${proxy ?? "?"}: ${on ? "on" : "off"}`);
    show(byId("process-actions"), mayAct);
    show(byId("log-level-row"), !mayAct);
    show(byId("look-only"), !mayAct);
  }

  /** How much of one processor it used since the last look. */
  load(process) {
    const before = this.cpu;
    const now = { pid: process.pid, used: process.cpu_seconds, at: process.uptime };
    if (before?.at === now.at) return this.shown ?? "";
    this.cpu = now;
    const passed = before ? now.at - before.at : 0;
    const since = before?.pid === now.pid && passed > 0
      ? (now.used - before.used) / passed
      : now.used / Math.max(now.at, 1);
    this.shown = `${percent(Math.max(0, since))} of one`;
    return this.shown;
  }
}
