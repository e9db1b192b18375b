// Charts of the last minutes, by uPlot.

import { el } from "./dom.js";
import { clock, span } from "./format.js";

/* global uPlot */

export const WINDOW_SECONDS = 300; // What the proxy keeps: one moment for each second.
const GAP_SECONDS = 2.5; // Where moments are missing, so is the line.
const FONT = "11px system-ui, sans-serif";
const Y_AXIS_PIXELS = 50; // For "1,000 ms": a width that never changes, so nothing jumps.

const colours = new Map();
const all = new Set();

/** Read the colours of the theme anew. */
export function repaint() {
  colours.clear();
  for (const chart of all) chart.redraw(false);
}

function colour(name) {
  if (!colours.has(name)) {
    const style = getComputedStyle(document.documentElement);
    colours.set(name, style.getPropertyValue(name).trim());
  }
  return colours.get(name);
}

/** One chart: some values of each moment as lines over time. */
export class Chart {
  /**
   * @param host the element to draw in; its size is the chart's.
   * @param lines each with label, colour (a custom property), value (of a moment; null for
   *   none), and whether it is filled.
   * @param format makes a text of a value; tick, if given, the shorter ones of the axis.
   * @param least the lowest top of the scale, so that noise about 0 looks like noise.
   * @param powers whether the scale is logarithmic: one bad second hides no others.
   */
  constructor(host, { lines, format, tick = format, least, powers = false }) {
    this.lines = lines;
    this.format = format;
    this.tick = tick;
    this.powers = powers;
    this.moments = [];
    this.tip = el("div", { class: "tip", "aria-hidden": "true" });
    this.tip.hidden = true;
    this.plot = new uPlot(this.options(host, least), this.data(), host);
    this.plot.over.append(this.tip);
    this.plot.over.addEventListener("mouseleave", () => { this.tip.hidden = true; });
    all.add(this.plot);
    new ResizeObserver(() => this.fit(host)).observe(host);
  }

  options(host, least) {
    return {
      width: Math.max(host.clientWidth, 80),
      height: Math.max(host.clientHeight, 60),
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: {
        y: false, drag: { x: false, y: false }, sync: { key: "moments" }, points: { size: 6 },
      },
      scales: {
        x: { time: true, range: () => this.window() },
        y: this.powers
          ? { distr: 3, range: (_, low, top) => decades(low ?? least, top ?? least) }
          : { range: (_, __, top) => [0, ceiling(Math.max(top ?? 0, least))] },
      },
      axes: [
        {
          ...line(), size: 22, gap: 4,
          splits: () => minutes(this.window()[1]),
          values: (_, splits) => splits.map((at) => ago(this.window()[1] - at)),
        },
        {
          ...line(), size: Y_AXIS_PIXELS, gap: 4, space: 34,
          values: (_, splits) => splits.map((value) => this.tick(value)),
          ...(this.powers ? { splits: (_, __, low, top) => powersBetween(low, top) } : {}),
          filter: (_, splits) => splits,
        },
      ],
      series: [{}, ...this.lines.map(drawn)],
      hooks: { setCursor: [() => this.point()] },
    };
  }

  /** Show these moments, oldest first. */
  show(moments) {
    this.moments = moments;
    this.plot.setData(this.data());
  }

  data() {
    const times = [];
    const values = this.lines.map(() => []);
    for (const moment of this.moments) {
      if (times.length && moment.time - times.at(-1) > GAP_SECONDS) {
        times.push(times.at(-1) + 1);
        for (const column of values) column.push(null);
      }
      times.push(moment.time);
      this.lines.forEach((one, number) => values[number].push(one.value(moment)));
    }
    return [times, ...values];
  }

  window() {
    const end = this.moments.at(-1)?.time ?? Date.now() / 1000;
    return [end - WINDOW_SECONDS, end];
  }

  /** Say what is under the pointer. */
  point() {
    const { idx, left } = this.plot.cursor;
    const time = this.plot.data[0][idx];
    if (time === undefined || !this.plot.over.matches(":hover")) {
      this.tip.hidden = true;
      return;
    }
    const rows = this.lines.map((one, number) => {
      const value = this.plot.data[number + 1][idx];
      const swatch = el("i", { class: "swatch" });
      swatch.style.background = `var(${one.colour})`;
      return el("div", {}, swatch, `${one.label} ${value === null ? "–" : this.format(value)}`);
    });
    this.tip.replaceChildren(el("div", { class: "when" }, clock(time * 1000)), ...rows);
    this.tip.hidden = false;
    const room = this.plot.over.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(room, left + (left > room / 2 ? -1 : 0) *
      (this.tip.offsetWidth + 24) + 12))}px`;
  }

  fit(host) {
    const { clientWidth: width, clientHeight: height } = host;
    if (width && height) this.plot.setSize({ width, height });
  }
}

function drawn(one) {
  return {
    label: one.label,
    stroke: () => colour(one.colour),
    fill: one.filled ? () => `${colour(one.colour)}22` : undefined,
    width: 1.5,
    points: { show: false },
  };
}

function line() {
  return {
    font: FONT,
    stroke: () => colour("--muted"),
    grid: { stroke: () => colour("--grid"), width: 1 },
    ticks: { show: false },
  };
}

/** The end of the window and the full minutes before it, oldest first. */
function minutes(end) {
  return [4, 3, 2, 1, 0].map((minute) => end - minute * 60);
}

function ago(seconds) {
  return seconds < 1 ? "now" : `−${span(seconds)}`;
}

/** From the power of ten below to the one above; at least two decades. */
function decades(low, top) {
  const from = Math.floor(Math.log10(low));
  return [10 ** from, 10 ** Math.max(Math.ceil(Math.log10(top)), from + 2)];
}

function powersBetween(low, top) {
  const first = Math.round(Math.log10(low));
  const last = Math.round(Math.log10(top));
  return Array.from({ length: last - first + 1 }, (_, number) => 10 ** (first + number));
}

/** The next round number. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) * power;
}
