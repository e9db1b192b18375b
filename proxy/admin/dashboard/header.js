// The top: is all well, which proxy, and whether what is shown is true now.

import { announce } from "./actions.js";
import { repaint } from "./charts.js";
import { byId, el, keyed, setAttribute, setText, show } from "./dom.js";
import { span } from "./format.js";
import * as orders from "./orders.js";
import { badge } from "./tables.js";
import { LEVELS, levelOf } from "./verdict.js";

const WORDS = { bad: "Trouble", warn: "Attention", info: "Note", ok: "Well" };

export class Header {
  /** @param chosen is called with the name of a proxy that is chosen. */
  constructor(actions, chosen) {
    this.chosen = chosen;
    this.top = "";
    byId("theme").addEventListener("click", () => turnTheme());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    byId("pause").addEventListener("click", () => actions.offer(orders.pause(this.proxy)));
    byId("resume").addEventListener("click", () => actions.offer(orders.resume(this.proxy)));
  }

  /** Show a verdict of judge() on an overview. */
  show(overview, verdict, one) {
    this.proxy = one?.status.name;
    setAttribute(byId("verdict"), "data-level", verdict.level);
    setText(byId("verdict-word"), WORDS[verdict.level]);
    setText(byId("verdict-text"), verdict.sentence);
    document.title = `${verdict.level === "ok" ? "" : "⚠ "}${verdict.sentence} · mysqlproxy`;
    const rest = verdict.level === "ok" ? verdict.findings : verdict.findings.slice(1);
    keyed(
      byId("findings"), rest, (finding) => finding.id,
      () => el("li", {}, badge("plain", ""), el("span")),
      (item, finding) => {
        setAttribute(item.firstChild, "class", `badge ${finding.level}`);
        setText(item.firstChild, WORDS[finding.level]);
        setText(item.lastChild, finding.text);
      },
    );
    show(byId("findings"), rest.length > 0);
    this.tell(verdict);
    this.showProxies(overview, verdict, one);
    const paused = one?.status.paused ?? false;
    show(byId("pause"), overview.may_act && Boolean(one) && !paused);
    show(byId("resume"), overview.may_act && paused);
  }

  /** Say aloud that something else is the most serious now; not that its seconds tick. */
  tell(verdict) {
    const top = verdict.level === "ok" ? "ok" : verdict.findings[0].id;
    if (this.top && this.top !== top) announce(verdict.sentence);
    this.top = top;
  }

  showProxies(overview, verdict, one) {
    show(byId("proxies"), overview.proxies.length > 1);
    keyed(
      byId("proxies-list"), overview.proxies, (other) => other.status.name,
      (other) => {
        const name = other.status.name;
        const dot = el("i", { class: "dot" });
        const pick = () => this.chosen(name);
        const parts = [dot, name, el("span", { class: "unseen" })];
        return el("li", {}, el("button", { type: "button", onclick: pick }, ...parts));
      },
      (item, other) => {
        const button = item.firstChild;
        const level = levelOf(verdict.findings, other.status.name);
        setAttribute(button, "aria-pressed", String(other === one));
        setAttribute(button.firstChild, "class", `dot ${LEVELS.includes(level) ? level : "ok"}`);
        setText(button.lastChild, `: ${WORDS[level]}`);
      },
    );
  }

  /** What is shown is true now. */
  live() {
    show(byId("away"), false);
    document.body.classList.remove("stale");
    setAttribute(byId("link"), "data-state", "live");
    setText(byId("link"), "live");
    if (this.wasAway) announce("The proxy answers again.");
    this.wasAway = false;
  }

  /** The proxy is away for so long, and is asked again in so long. */
  away(why, seconds, next) {
    show(byId("away"), true);
    document.body.classList.add("stale");
    setAttribute(byId("link"), "data-state", "away");
    setText(byId("link"), "away");
    setText(byId("away-text"), `${why} What is shown is ${span(seconds)} old.`);
    setText(byId("away-next"), next > 0 ? `Next try in ${span(next + 0.99)}.` : "Trying …");
    document.title = "⚠ No answer · mysqlproxy";
    if (!this.wasAway) announce(why);
    this.wasAway = true;
  }
}

function turnTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("mysqlproxy.theme", root.dataset.theme);
  } catch {
    // Then it lasts as long as the page.
  }
  repaint();
}
