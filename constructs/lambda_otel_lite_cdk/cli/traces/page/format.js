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

/** Whether times are shown in UTC; otherwise they are in the reader's own zone. */
const zone = { utc: false };
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/**
 * Day, time of day and zone.
 * @param {bigint} start Unix time in ns
 */
function clock(start) {
  const date = new Date(Number(start / 1000000n));
  const minutes = zone.utc ? 0 : -date.getTimezoneOffset();
  const text = new Date(date.getTime() + minutes * 60000).toISOString();
  const size = Math.abs(minutes);
  return {
    day: text.slice(0, -14),
    date: `${text.slice(-16, -14)} ${MONTHS[Number(text.slice(-19, -17)) - 1]}`,
    time: text.slice(-13, -1),
    zone: size ? `UTC${minutes < 0 ? "−" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}` : "UTC",
  };
}

/** @param {number} number */
function pad(number) {
  return String(number).padStart(2, "0");
}

/**
 * @param {number} number
 * @param {string} noun
 */
function plural(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
