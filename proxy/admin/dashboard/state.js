// What is known of the process: the last overview, and the moments before it.

import { WINDOW_SECONDS } from "./charts.js";

const HOLE_SECONDS = 3; // Two missed looks: what lies between is fetched.

export class State {
  constructor() {
    this.overview = null;
    this.answered = 0;
    this.moments = new Map();
    this.needsHistory = true;
  }

  /** The overview of the proxy that is looked at; undefined where there is none. */
  get one() {
    const proxies = this.overview?.proxies ?? [];
    return proxies.find((one) => one.status.name === wanted()) ?? proxies[0];
  }

  get momentsOfOne() {
    return this.moments.get(this.one?.status.name) ?? [];
  }

  /**
   * Take a new overview.
   *
   * @returns whether it is of another process than the one before.
   */
  take(overview) {
    const before = this.overview?.process;
    const another = before !== undefined && (before.pid !== overview.process.pid ||
      before.uptime > overview.process.uptime + 1);
    this.overview = overview;
    this.answered = Date.now();
    if (another) this.needsHistory = true;
    for (const one of overview.proxies) this.add(one.status.name, one.now);
    return another;
  }

  add(name, moment) {
    const known = this.moments.get(name) ?? [];
    const last = known.at(-1)?.time ?? -Infinity;
    if (moment.time <= last) return;
    if (moment.time - last > HOLE_SECONDS && known.length) this.needsHistory = true;
    const after = moment.time - WINDOW_SECONDS - 1;
    this.moments.set(name, [...known.filter((one) => one.time >= after), moment]);
  }

  /** Take what the process has kept of the last minutes, and keep what is newer. */
  takeHistory({ proxies }) {
    for (const [name, kept] of Object.entries(proxies)) {
      const last = kept.at(-1)?.time ?? -Infinity;
      const newer = (this.moments.get(name) ?? []).filter((one) => one.time > last);
      // A new process has no memory of the old one's seconds; this page has.
      const first = kept[0]?.time ?? Infinity;
      const older = (this.moments.get(name) ?? []).filter((one) => one.time < first);
      this.moments.set(name, [...older, ...kept, ...newer]);
    }
    this.needsHistory = false;
  }
}

/** The name of the proxy in the address; null without. */
export function wanted() {
  return new URLSearchParams(location.hash.slice(1)).get("proxy");
}

/** Put the name of a proxy into the address, so that a link or a reload leads there. */
export function choose(name) {
  const fragment = new URLSearchParams({ proxy: name });
  history.replaceState(null, "", `#${fragment}`);
}
