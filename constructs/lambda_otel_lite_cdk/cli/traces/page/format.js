// Numbers, durations and times as text.

/** @param {number} ms */
function duration(ms) {
  const size = Math.abs(ms);
  if (size >= 60000) return `${(ms / 60000).toFixed(1)} min`;
  if (size >= 1000) return `${(ms / 1000).toFixed(size >= 10000 ? 1 : 2)} s`;
  if (size >= 1) return `${ms.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)} ms`;
  return `${Math.round(ms * 1000)} µs`;
}

/**
 * A point on a scale, with as many digits as tell it from its neighbours.
 * @param {number} ms
 * @param {number} step of the scale, in ms
 */
function roundDuration(ms, step) {
  const size = step >= 1000 ? 1000 : step >= 1 ? 1 : 0.001;
  const unit = step >= 1000 ? "s" : step >= 1 ? "ms" : "µs";
  const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
  return `${(ms / size).toFixed(digits)} ${unit}`;
}

/**
 * Day and time of day in the reader's time zone.
 * @param {bigint} start Unix time in ns
 */
function clock(start) {
  const date = new Date(Number(start / 1000000n));
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => pad(n));
  return { day, time: `${time.join(":")}.${pad(date.getMilliseconds(), 3)}` };
}

/** @param {number} number */
function pad(number, digits = 2) {
  return String(number).padStart(digits, "0");
}

/**
 * @param {number} number
 * @param {string} noun
 */
function plural(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
