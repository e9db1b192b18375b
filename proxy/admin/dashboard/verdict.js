// Is all well? What there is to say about a process, most serious first.

import { count, counted, latency, percent, span } from "./format.js";

export const LEVELS = ["bad", "warn", "info", "ok"];

const LONG_WAIT_SECONDS = 1; // Shorter queues are a burst, not trouble.
const GRAVE_WAIT_SECONDS = 5;
const LONG_LAG_SECONDS = 30;
const SWITCH_IS_NEWS_SECONDS = 600;
const NEARLY_ALL = 0.8;

/**
 * Judge an overview.
 *
 * @returns level, sentence: of the most serious finding; findings: all, each with an id that
 *   stays the same while it lasts, a level, a text, and the name of its proxy or null.
 */
export function judge(overview) {
  const findings = [...ofProcess(overview.process), ...overview.workers.flatMap(ofWorker)];
  for (const one of overview.proxies) {
    const several = overview.proxies.length > 1;
    const name = one.status.name;
    for (const finding of ofProxy(one)) {
      const text = several ? `${name}: ${finding.text}` : capital(finding.text);
      findings.push({ ...finding, id: `${name} ${finding.id}`, text, proxy: name });
    }
  }
  findings.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  const worst = findings[0];
  if (worst && worst.level !== "info") {
    return { level: worst.level, sentence: worst.text, findings };
  }
  return { level: "ok", sentence: "All well", findings };
}

/** The most serious level among the findings of a proxy. */
export function levelOf(findings, proxy) {
  const own = findings.filter((finding) => finding.proxy === proxy);
  const level = own[0]?.level ?? "ok";
  return level === "info" ? "ok" : level;
}

function* ofProcess(process) {
  const share = process.max_open_files ? process.open_files / process.max_open_files : 0;
  if (!process.ready) {
    yield {
      id: "ready", level: "bad", proxy: null,
      text: `New clients should go elsewhere: ${process.not_ready || "it is not ready"}`,
    };
  }
  if (share >= NEARLY_ALL) {
    const of = `${count(process.open_files)} of ${count(process.max_open_files)}`;
    yield {
      id: "files", level: share >= 0.95 ? "bad" : "warn", proxy: null,
      text: `${percent(share)} of the file descriptors are in use (${of})`,
    };
  }
  if (process.log_level === "debug") {
    yield { id: "level", level: "info", proxy: null, text: "The log level is debug" };
  }
  for (const name of process.debug_logging) {
    const text = `Statements of ${name} are written to the log`;
    yield { id: `debug ${name}`, level: "info", proxy: null, text };
  }
}

function ofWorker({ number, state }) {
  const text = {
    silent: `Worker ${number} has told nothing of itself for some seconds`,
    replaced: `Worker ${number} has ended, and another one takes its place`,
  }[state];
  return text ? [{ id: `worker ${number}`, level: "warn", proxy: null, text }] : [];
}

function* ofProxy(one) {
  const { status, targets, pools } = one;
  if (status.paused) {
    const text = `paused by an operator for ${span(status.held_seconds)}`;
    const waits = status.waiting ? `; ${counted(status.waiting, "client")} waiting` : "";
    yield { id: "paused", level: "warn", text: text + waits };
  }
  if (status.held && !(status.paused && status.held_why === "it is paused")) {
    const why = status.held_why ? `: ${status.held_why}` : "";
    yield {
      id: "held", level: "bad", text: `clients wait for ${span(status.held_seconds)}${why}`,
    };
  }
  const there = targets.filter((target) => target.state !== "UNAVAILABLE");
  if (targets.length && !there.length) {
    yield { id: "targets", level: "bad", text: "no target is available" };
  }
  for (const target of targets) yield* ofTarget(target, status);
  if (!status.held) for (const pool of pools) yield* ofPool(pool);
  for (const endpoint of one.endpoints) {
    if (endpoint.address) continue;
    yield {
      id: `endpoint ${endpoint.name}`, level: "warn",
      text: `endpoint ${endpoint.name} does not listen`,
    };
  }
  if (status.last_switch !== null && status.last_switch < SWITCH_IS_NEWS_SECONDS) {
    const to = status.writer ? ` to ${status.writer}` : "";
    yield {
      id: "switch", level: "info",
      text: `the writer was switched${to} ${span(status.last_switch)} ago`,
    };
  }
}

function* ofTarget(target, status) {
  const address = target.address;
  if (target.state === "UNAVAILABLE") {
    const why = target.description || target.reason;
    yield {
      id: `target ${address}`, level: address === status.writer ? "bad" : "warn",
      text: `${address} is not available${why ? `: ${why}` : ""}`,
    };
  }
  if (target.draining) {
    const left = target.lent ? `, ${counted(target.lent, "connection")} still lent` : "";
    yield { id: `drain ${address}`, level: "info", text: `${address} is drained${left}` };
  }
  if ((target.lag_seconds ?? 0) > LONG_LAG_SECONDS) {
    yield {
      id: `lag ${address}`, level: "warn",
      text: `${address} is ${span(target.lag_seconds)} behind the writer`,
    };
  }
}

function* ofPool(pool) {
  const full = pool.max_connections > 0 && pool.connections >= pool.max_connections;
  if (pool.waiting && pool.longest_wait >= LONG_WAIT_SECONDS) {
    const all = full ? `; all ${count(pool.max_connections)} are there` : "";
    yield {
      id: `queue ${pool.target}`, level: pool.longest_wait >= GRAVE_WAIT_SECONDS ? "bad" : "warn",
      text: `${counted(pool.waiting, "client")} waiting for a connection to ${pool.target}, ` +
        `the first for ${latency(pool.longest_wait)}${all}`,
    };
  }
  if (pool.pinned && pool.pinned >= pool.max_connections * NEARLY_ALL) {
    yield {
      id: `pinned ${pool.target}`, level: "warn",
      text: `${count(pool.pinned)} of the ${count(pool.max_connections)} connections to ` +
        `${pool.target} are pinned`,
    };
  }
}

function capital(text) {
  // An address such as db1:3306 keeps its case.
  return /^\p{Ll}+( |$)/u.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
}
