// What all parts of the page build with. Text is only ever set as text.

/**
 * The elements of report.html that are more than an HTMLElement, by id.
 * @typedef {object} Special
 * @property {HTMLInputElement} search
 * @property {HTMLDialogElement} help
 * @property {HTMLButtonElement} zoom-fit
 * @property {HTMLButtonElement} zoom-out
 */

/**
 * The element of report.html with an id.
 * @template {string} Id
 * @param {Id} id
 * @returns {Id extends keyof Special ? Special[Id] : HTMLElement}
 */
function $(id) {
  return /** @type {any} */ (document.getElementById(id));
}

/**
 * Make an element; an attribute that is null is left out, a function listens to its event.
 * @param {string} tag
 * @param {Record<string, string | number | null | ((event: Event) => void)>} [attributes]
 * @param {...(Node | string | null)} children
 */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== null) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const COLOURS = 8;
/** @type {Map<string, string>} */
const colours = new Map();

/**
 * The style class of a service's colour, the same everywhere in the report.
 * @param {string} service
 */
function colour(service) {
  const name = colours.get(service) ?? `s${colours.size % COLOURS}`;
  colours.set(service, name);
  return name;
}

/**
 * A list of any length in a scrolling box. Only the rows that can be seen are in the page. A row
 * is as high as the style sheet's --row on that box.
 * @template T
 * @param {HTMLElement} host the scrolling box
 * @param {(item: T) => HTMLElement} render
 * @param {(item: T) => void} choose called when the user picks a row
 */
function windowed(host, render, choose) {
  const inner = element("div", { class: "inner", role: "presentation" });
  host.append(inner);
  /** @type {T[]} */
  let items = [];
  let selected = -1;
  const height = () => parseFloat(getComputedStyle(host).getPropertyValue("--row"));

  function draw() {
    const row = height();
    const first = Math.max(0, Math.floor(host.scrollTop / row) - 5);
    const last = Math.ceil((host.scrollTop + host.clientHeight) / row) + 5;
    inner.replaceChildren(
      ...items.slice(first, last).map((item, number) => place(item, first + number, row)),
    );
    if (selected < 0) host.removeAttribute("aria-activedescendant");
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
    if (item !== undefined) choose(item);
  }

  host.addEventListener("scroll", draw);
  new ResizeObserver(reveal).observe(host);
  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
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
    /** @returns {T | null} */
    current: () => items[selected] ?? null,
  };
}
