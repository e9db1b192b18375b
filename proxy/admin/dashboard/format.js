// Numbers, spans and sizes for people.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const few = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const short = new Intl.NumberFormat("en", {
  notation: "compact", minimumFractionDigits: 1, maximumFractionDigits: 1,
});

/** A count: 12,345, or 1.2M where it is long. */
export function count(value) {
  return value >= 1e6 ? short.format(value) : whole.format(value);
}

/** A count with its noun: 1 client, 2 clients. */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A latency, given in seconds: 850 µs, 1.24 ms, 12.3 ms, 1.2 s. */
export function latency(seconds) {
  if (!(seconds > 0)) return "0 ms";
  if (seconds < 0.9995e-3) return `${few.format(Math.max(1, Math.round(seconds * 1e6)))} µs`;
  if (seconds < 0.9995) return `${fixed(seconds * 1e3)} ms`;
  return seconds < 99.95 ? `${fixed(seconds)} s` : span(seconds);
}

/** A latency for an axis, given in milliseconds: 10 µs, 6 ms, 2 s. */
export function tick(milliseconds) {
  if (milliseconds < 1) return `${few.format(milliseconds * 1000)} µs`;
  if (milliseconds >= 1000) return `${few.format(milliseconds / 1000)} s`;
  return `${few.format(milliseconds)} ms`;
}

function fixed(value) {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** A span in seconds, in its two largest units: 42 s, 3 min 5 s, 2 h 10 min, 4 d 3 h. */
export function span(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  if (all < 60) return `${all} s`;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const at = units.findIndex(([, size]) => all >= size);
  const [unit, size] = units[at];
  const [next, lower] = units[at + 1];
  const rest = Math.floor((all % size) / lower);
  const first = `${Math.floor(all / size)} ${unit}`;
  return rest ? `${first} ${rest} ${next}` : first;
}

/** A size: 143 MiB. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 && unit ? size.toFixed(1) : whole.format(size)} ${units[unit]}`;
}

/** A share from 0 to 1: 12 %, <1 %. */
export function percent(share) {
  if (share > 0 && share < 0.01) return "<1 %";
  return `${Math.round(share * 100)} %`;
}

/** How many times one number goes into another: 29.4, 3. */
export function ratio(value) {
  return value < 10 ? few.format(Math.round(value * 10) / 10) : whole.format(value);
}

/** The time of day of a moment, in the reader's zone; with its date where it is another day. */
export function clock(moment) {
  const time = new Date(moment);
  const text = time.toLocaleTimeString("en-GB");
  if (time.toDateString() === new Date().toDateString()) return text;
  return `${time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${text}`;
}

/** A value of a field of an event, as text. */
export function plain(value) {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (typeof value === "number" && !Number.isInteger(value)) return String(+value.toFixed(3));
  return JSON.stringify(value);
}
