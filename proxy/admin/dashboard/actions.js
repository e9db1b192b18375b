// What operators may do: asked once more, then begun, and followed to its end.

import { byId, el, setText, show } from "./dom.js";
import { span } from "./format.js";

const WAIT_SECONDS = 60; // The longest that one call waits for; then it asks again.
const DONE_STAYS_MS = 10000; // Long enough to be read; what failed stays until it is closed.

/** Tell those who cannot see the page, once. */
export function announce(text) {
  setText(byId("announcer"), text);
}

/** Asks for confirmation, calls, and shows how it goes. */
export class Actions {
  /** @param api where to call; @param after is called when something has been done. */
  constructor(api, after) {
    this.api = api;
    this.after = after;
    this.dialog = byId("confirm");
    this.running = new Set();
    setInterval(() => this.tick(), 1000);
    byId("confirm-no").addEventListener("click", () => this.dialog.close("no"));
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close("no");
    });
  }

  /**
   * Ask, then do.
   *
   * @param ask title, and text: what it does.
   * @param verb for the button that does it.
   * @param grave whether clients will notice.
   * @param title while and after it runs.
   * @param path segments below /v1.
   * @param parameters for the body.
   * @param waits whether it may take long, so that the call takes a timeout.
   * @param told makes a sentence of the answer.
   */
  async offer(action) {
    if (await this.confirmed(action)) await this.run(action);
  }

  confirmed({ ask, verb, grave = false }) {
    setText(byId("confirm-title"), ask.title);
    setText(byId("confirm-text"), ask.text);
    const yes = byId("confirm-yes");
    setText(yes, verb);
    yes.classList.toggle("grave", grave);
    this.dialog.returnValue = "no";
    this.dialog.showModal();
    // What does harm by mistake is not what Enter does.
    (grave ? byId("confirm-no") : yes).focus();
    return new Promise((resolve) => {
      const closed = () => resolve(this.dialog.returnValue === "yes");
      this.dialog.addEventListener("close", closed, { once: true });
    });
  }

  /** Do it without asking. */
  async run({ title, path, parameters = {}, waits = false, told = () => "Done." }) {
    const task = this.begin(title);
    try {
      let answer;
      do {
        const body = waits ? { ...parameters, timeout: WAIT_SECONDS } : parameters;
        answer = await this.api.post(path, body, task.stop.signal);
      } while (answer.done === false);
      this.end(task, "ok", told(answer));
    } catch (error) {
      if (error.name === "AbortError") this.end(task, "info", "It goes on; nobody waits for it.");
      else this.end(task, "bad", whyNot(error));
    }
    this.after();
  }

  begin(title) {
    const state = el("span", { class: "state" }, "begins");
    const close = el("button", { type: "button", class: "quiet" }, "Stop waiting");
    const text = el("p", { class: "words" });
    const heading = el("div", { class: "head" }, el("strong", {}, title), state);
    const item = el("li", { class: "task running" }, heading, text, close);
    const task = { title, item, state, text, close, since: Date.now() };
    task.stop = new AbortController();
    close.addEventListener("click", () => {
      if (this.running.has(task)) task.stop.abort();
      else this.drop(task);
    });
    this.running.add(task);
    byId("tasks").append(item);
    show(byId("tasks-frame"), true);
    announce(`${title}: begun`);
    return task;
  }

  end(task, level, text) {
    this.running.delete(task);
    const word = { ok: "done", bad: "failed", info: "goes on" }[level];
    task.item.className = `task ${level}`;
    setText(task.state, word);
    setText(task.text, text);
    setText(task.close, "Close");
    announce(`${task.title}: ${word}. ${text}`);
    if (level !== "bad") setTimeout(() => this.drop(task), DONE_STAYS_MS);
  }

  drop(task) {
    task.item.remove();
    show(byId("tasks-frame"), byId("tasks").childElementCount > 0);
  }

  tick() {
    for (const task of this.running) {
      setText(task.state, `under way for ${span((Date.now() - task.since) / 1000)}`);
    }
  }
}

function whyNot(error) {
  if (error.status === 403) return `You may not: ${error.message}`;
  if (error.kind === "away") return `${error.message} Whether it was done is not known.`;
  return error.kind === "sign-in" ? "Sign in first." : error.message;
}
