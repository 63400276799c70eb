// What all parts of the page build with. Text is only ever set as text.

/**
 * The elements of report.html that are more than an HTMLElement, by id.
 * @typedef {object} Special
 * @property {HTMLInputElement} search
 * @property {HTMLSelectElement} sort
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

/** The namespace, of the page's own picture. */
const SVG = document.querySelector("svg")?.namespaceURI ?? null;

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 */
function drawing(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * Draw a part of the page anew. What had the focus there has it again: the element of the same key.
 * @param {HTMLElement} host
 * @param {...HTMLElement} children
 */
function redraw(host, ...children) {
  const focused = document.activeElement instanceof HTMLElement && host.contains(document.activeElement)
    ? document.activeElement.dataset.key : undefined;
  host.replaceChildren(...children);
  if (focused === undefined) return;
  const again = /** @type {HTMLElement[]} */ ([...host.querySelectorAll("[data-key]")]).find(({ dataset }) => dataset.key === focused);
  again?.focus({ preventScroll: true });
}

/** @param {HTMLElement} button */
function isPressed(button) {
  return button.getAttribute("aria-pressed") === "true";
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
