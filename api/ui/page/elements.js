/**
 * Elements without HTML: whatever comes from a server, a model or a file is only ever a text node or an attribute.
 */

const SVG = "http://www.w3.org/2000/svg";
let made = 0;

/** Build an element. Attributes that are null, undefined or false are left out; functions listen to an event. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Build an element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Put other children in place of those that are there. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return node;
}

/** Return an id that no other element has. */
export function freshId(what = "e") {
  made += 1;
  return `${what}-${made}`;
}

/** Build a disclosure whose inside is made when it is first opened; `anew`: whenever it is opened. */
export function disclosure(summary, make, { open = false, anew = false, className = "boxed" } = {}) {
  const inside = el("div", { class: "in" });
  const node = el("details", { class: className }, el("summary", {}, summary), inside);
  let made = false;
  const show = () => {
    if (!node.open || (made && !anew)) return;
    made = true;
    fill(inside, make());
  };
  node.addEventListener("toggle", show);
  node.open = open;
  return node;
}

/** Put what may be long into a region that scrolls, also by the keyboard. */
export function scrolled(label, ...inside) {
  return el("div", { class: "scrolled", tabindex: "0", role: "group", "aria-label": label }, ...inside);
}

/** Build text that is shown as it is written, such as a program. */
export function asWritten(label, text) {
  return el("pre", { class: "code", tabindex: "0", role: "group", "aria-label": label }, text);
}

/** Build a paragraph per block of text; line breaks within a block stay. */
export function paragraphs(text, className = "prose") {
  const blocks = String(text ?? "")
    .split(/\n{2,}/)
    .filter((block) => block.trim());
  return el("div", { class: className }, ...blocks.map((block) => el("p", {}, block.trim())));
}

/** Change a node's text only if it is another one, so that nothing is announced or drawn twice. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  fill(node, ...children);
  return node;
}
