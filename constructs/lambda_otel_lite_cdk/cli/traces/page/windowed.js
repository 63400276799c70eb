// Lists of any length.

/** Rows of a list that are printed; what is printed cannot be scrolled. */
const MOST_PRINTED = 2000;

/**
 * A list of any length in a scrolling box. Only the rows that can be seen are in the page. A row
 * is as high as the style sheet's --row on that box.
 * @template T
 * @param {HTMLElement} host the scrolling box
 * @param {(item: T) => HTMLElement} render
 * @param {(item: T) => void} choose called when the user picks a row
 * @param {boolean} [leaves] whether choosing leaves the list: keys only move in it, and Enter chooses
 */
function windowed(host, render, choose, leaves = false) {
  const inner = element("div", { class: "inner", role: "presentation" });
  host.append(inner);
  /** @type {T[]} */
  let items = [];
  let selected = -1;
  let printed = false;
  const height = () => parseFloat(getComputedStyle(host).getPropertyValue("--row"));

  function draw() {
    const row = height();
    const first = printed ? 0 : Math.max(0, Math.floor(host.scrollTop / row) - 5);
    const last = printed ? MOST_PRINTED : Math.ceil((host.scrollTop + host.clientHeight) / row) + 5;
    inner.replaceChildren(
      ...items.slice(first, last).map((item, number) => place(item, first + number, row)),
    );
    if (printed && items.length > last) inner.append(element("p", { class: "more" }, `and ${(items.length - last).toLocaleString("en")} more`));
    if (selected < first || selected >= last) host.removeAttribute("aria-activedescendant");
    else host.setAttribute("aria-activedescendant", `${host.id}-${selected}`);
  }

  /**
   * @param {T} item
   * @param {number} index
   * @param {number} row
   */
  function place(item, index, row) {
    const made = render(item);
    made.id = `${host.id}-${index}`;
    made.style.top = `${index * row}px`;
    made.setAttribute("aria-selected", String(index === selected));
    made.setAttribute("aria-setsize", String(items.length));
    made.setAttribute("aria-posinset", String(index + 1));
    made.addEventListener("click", () => choose(item));
    return made;
  }

  /** @param {T | null} item */
  function select(item) {
    selected = item === null ? -1 : items.indexOf(item);
    reveal();
  }

  function reveal() {
    const row = height();
    // The box must be as high as its rows before it can scroll to one of them.
    inner.style.height = `${items.length * row}px`;
    if (selected >= 0) {
      const below = (selected + 1) * row - host.clientHeight;
      host.scrollTop = Math.min(Math.max(host.scrollTop, below), selected * row);
    }
    draw();
  }

  /** @param {number} step */
  function move(step) {
    const item = items[Math.min(Math.max(selected + step, 0), items.length - 1)];
    if (item === undefined) return;
    if (leaves) select(item);
    else choose(item);
  }

  /** @param {boolean} on */
  function print(on) {
    printed = on;
    draw();
  }

  host.addEventListener("scroll", draw);
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  matchMedia("print").addEventListener("change", ({ matches: on }) => print(on));
  new ResizeObserver(reveal).observe(host);
  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = items[selected];
    if (leaves && event.key === "Enter" && chosen !== undefined) choose(chosen);
    const page = Math.max(1, Math.floor(host.clientHeight / height()) - 1);
    /** @type {Record<string, number>} */
    const steps = {
      ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page,
      Home: -Infinity, End: Infinity,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(step);
  });
  return {
    draw, select,
    /**
     * @param {T[]} list
     * @param {T | null} item
     */
    set(list, item) { items = list; select(item); },
    /**
     * Show another list without moving what can be seen: rows may have come above it.
     * @param {T[]} list
     */
    update(list) {
      const kept = items[selected];
      const row = height();
      const top = items[Math.floor(host.scrollTop / row)];
      const within = host.scrollTop % row;
      const moved = top === undefined || !host.scrollTop ? -1 : list.indexOf(top);
      items = list;
      selected = kept === undefined ? -1 : items.indexOf(kept);
      inner.style.height = `${items.length * row}px`;
      if (moved >= 0) host.scrollTop = moved * row + within;
      draw();
    },
    /** @returns {T | null} */
    current: () => items[selected] ?? null,
    /** @returns {T | null} */
    first: () => items[0] ?? null,
  };
}
