// Copying a text, and saying shortly what was done.

const SAID_MS = 2500;
let saidLast = 0;

/**
 * Say something for a moment, to screen readers too.
 * @param {string} text
 */
function say(text) {
  clearTimeout(saidLast);
  $("said").textContent = text;
  saidLast = setTimeout(() => { $("said").textContent = ""; }, SAID_MS);
}

/**
 * @param {string} name what is copied
 * @param {string} text
 */
function copyButton(name, text) {
  const icon = drawing("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    drawing("path", { d: "M6 5.5h7.5v8H6zM3.5 10.5H2.5v-8H10v1" }));
  const label = `Copy ${name}`;
  return element("button", { type: "button", class: "copy", "aria-label": label, title: label, onclick: () => copy(name, text) }, icon);
}

/**
 * @param {string} name
 * @param {string} text
 */
async function copy(name, text) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${name}`);
  } catch {
    say("The browser lets nothing be copied here; select the text instead");
  }
}
