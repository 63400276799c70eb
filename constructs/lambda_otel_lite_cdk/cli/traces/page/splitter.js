// The line between a trace and a span's details, which moves by the mouse and by keys.

const LEAST_WIDTH = 240;
/** Part of the width that the details can have. */
const MOST_DETAILS = 0.75;
const KEY_STEP = 40;

function splitter() {
  const handle = $("splitter");
  const host = /** @type {HTMLElement} */ (handle.parentElement);

  /** @param {number} width of the details, in px */
  function widen(width) {
    const most = host.clientWidth * MOST_DETAILS;
    const set = Math.max(Math.min(width, most), LEAST_WIDTH);
    host.style.setProperty("--details", `${set}px`);
    handle.setAttribute("aria-valuenow", String(Math.round((100 * set) / host.clientWidth)));
  }

  handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) widen(host.getBoundingClientRect().right - event.clientX);
  });
  handle.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: KEY_STEP, ArrowRight: -KEY_STEP }[event.key];
    if (!step) return;
    event.preventDefault();
    widen($("details").offsetWidth + step);
  });
}
