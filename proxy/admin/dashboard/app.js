// Puts the page together and asks the proxy, each second while somebody looks.

import { Actions } from "./actions.js";
import { Api, CallError } from "./api.js";
import { Clients } from "./clients.js";
import { byId, setText, show } from "./dom.js";
import { Events } from "./events.js";
import { Figures } from "./figures.js";
import { Header } from "./header.js";
import { Pins } from "./pins.js";
import { ProcessPanel } from "./process.js";
import { SignIn } from "./signin.js";
import { State, choose } from "./state.js";
import { Statements } from "./statements.js";
import { Targets } from "./targets.js";
import { judge } from "./verdict.js";
import { Workers } from "./workers.js";

const EVERY_MS = 1000;
const HIDDEN_MS = 15000; // Nobody looks: the title in the tab is all that is seen.
const LEAST_PAUSE_MS = 250; // Also where the answer took longer than a second.
const MOST_PAUSE_MS = 15000; // Between tries while the proxy is away.

class App {
  constructor() {
    this.api = new Api();
    this.state = new State();
    this.failures = 0;
    this.started = Date.now();
    const soon = (panel) => this.soon(panel);
    this.actions = new Actions(this.api, () => this.soon());
    this.header = new Header(this.actions, (name) => this.choose(name));
    this.signIn = new SignIn(this.api, () => this.soon());
    this.figures = new Figures();
    this.targets = new Targets(this.actions);
    this.process = new ProcessPanel(this.actions);
    this.workers = new Workers();
    this.pins = new Pins(this.api);
    this.events = new Events(this.api);
    this.clients = new Clients(this.api, this.actions, soon);
    this.panels = [this.events, new Statements(this.api), this.pins, this.clients];
    this.watchPanels();
    byId("pinned-details").addEventListener("toggle", () => soon(this.pins));
    byId("try-now").addEventListener("click", () => this.soon());
    window.addEventListener("hashchange", () => this.choose(null));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.soon();
    });
  }

  /** Note which panels are on the screen: only these are kept fresh. */
  watchPanels() {
    const seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const panel = this.panels.find((one) => one.section === target);
        panel.onScreen = isIntersecting;
        if (isIntersecting) this.soon(panel);
      }
    }, { rootMargin: "200px" });
    for (const panel of this.panels) {
      panel.asked = -Infinity;
      if (panel.section) seen.observe(panel.section);
    }
  }

  choose(name) {
    if (name !== null) choose(name);
    for (const panel of this.panels) panel.asked = -Infinity;
    this.soon();
  }

  /** Look at once; a panel that is given is due. */
  soon(panel = null) {
    if (panel) panel.asked = -Infinity;
    if (this.busy) this.again = true;
    else this.schedule(0);
  }

  schedule(milliseconds) {
    clearTimeout(this.timer);
    this.due = Date.now() + milliseconds;
    this.timer = setTimeout(() => this.look(), milliseconds);
  }

  async look() {
    this.busy = true;
    this.again = false;
    const began = Date.now();
    let pause;
    try {
      await this.fetchAll();
      this.failures = 0;
      this.header.live();
      this.signIn.hide();
      pause = Math.max(LEAST_PAUSE_MS, EVERY_MS - (Date.now() - began));
      if (document.hidden) pause = HIDDEN_MS;
    } catch (error) {
      pause = this.failed(error);
    }
    this.busy = false;
    if (pause !== null) this.schedule(this.again ? LEAST_PAUSE_MS : pause);
    else if (this.again) this.schedule(LEAST_PAUSE_MS);
  }

  /** What comes of a look that failed: the pause before the next one; null for none. */
  failed(error) {
    if (!(error instanceof CallError)) {
      console.error(error); // A mistake of this page, which goes on.
      return EVERY_MS;
    }
    if (error.kind === "sign-in") {
      this.signIn.ask(error.message);
      return null;
    }
    this.failures += 1;
    const pause = Math.min(MOST_PAUSE_MS, EVERY_MS * 2 ** (this.failures - 1));
    this.why = error.message;
    this.signIn.complain(error.message);
    this.due = Date.now() + pause;
    this.sayAway();
    return pause;
  }

  sayAway() {
    const since = (Date.now() - (this.state.answered || this.started)) / 1000;
    this.header.away(this.why, since, this.busy ? 0 : (this.due - Date.now()) / 1000);
  }

  async fetchAll() {
    const overview = await this.api.get(["overview"]);
    if (this.state.take(overview)) this.events.forget();
    if (this.state.needsHistory) this.state.takeHistory(await this.api.get(["history"]));
    this.draw();
    for (const panel of this.panels) await this.freshen(panel);
  }

  async freshen(panel) {
    const proxy = this.state.one?.status.name;
    const looked = panel.section === null || panel.onScreen;
    const every = document.hidden ? HIDDEN_MS : panel.every;
    if (!proxy || !looked || !panel.isWanted() || Date.now() - panel.asked < every) return;
    panel.asked = Date.now();
    try {
      await panel.refresh(proxy);
    } catch (error) {
      // One list that cannot be had does not make the rest untrue.
      if (error.kind !== "refused") throw error;
      console.warn(error.message);
    }
  }

  draw() {
    const { overview, one } = this.state;
    this.header.show(overview, judge(overview), one);
    this.process.show(overview.process, one?.status.name, overview.may_act);
    this.workers.show(overview.workers);
    this.clients.mayAct = overview.may_act;
    show(byId("main"), true);
    setText(byId("proxy-name"), one?.status.name ?? "no proxy");
    if (!one) return;
    this.figures.show(one, this.state.momentsOfOne);
    this.targets.show(one, overview.may_act);
    this.pins.show(one);
  }

  start() {
    setInterval(() => {
      if (this.failures) this.sayAway();
    }, EVERY_MS);
    this.schedule(0);
  }
}

new App().start();
