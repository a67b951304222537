/** A list that grows and shrinks: texts, or objects such as triples; many rows come from a file and stay in it. */

import { el, fill, freshId, say } from "./elements.js";
import { rowsOf } from "./row_file.js";
import { counted, shortened } from "./words.js";

const EDITABLE = 20; // more rows than these are shown in short, and not taken apart into fields

/** Build the field of a list. `make` builds the field of one item. */
export function listField(field, place, make) {
  const rows = el("ol", { class: "rows" });
  const noun = nounOf(field);
  const itemField = { ...field.item, title: noun, name: field.name, required: true, bare: true, inRow: true };
  let items = [];
  let many = null; // {rows, from}: rows of a file, as they are

  const add = (value) => {
    const item = rowOf(make(itemField, place), noun, field.item.kind === "text", () => remove(item));
    items.push(item);
    item.part.write(value);
    draw();
    return item;
  };
  const remove = (item) => {
    const at = items.indexOf(item);
    items = items.filter((one) => one !== item);
    draw();
    (items[Math.min(at, items.length - 1)]?.node.querySelector("button") ?? addButton).focus();
  };
  const put = (values, from = "") => {
    [items, many] = [[], values.length > EDITABLE ? { rows: values, from } : null];
    if (!many) values.forEach(add);
    draw();
  };
  const empty = () => {
    put([]);
    addButton.focus();
  };
  const draw = () => {
    items.forEach((item, i) => item.named(i + 1));
    fill(rows, many ? manyRow(many, empty) : items.map((item) => item.node));
    addButton.hidden = Boolean(many);
  };
  const onAdd = () => add().node.querySelector("input, textarea, select")?.focus();
  const addButton = el(
    "button",
    { type: "button", class: "button small", id: freshId("f"), click: onAdd },
    `Add ${article(noun)}`,
  );
  return {
    node: frameOf(field, rows, addButton, put),
    read(problems) {
      if (many) return many.rows;
      if (items.length) return items.map((item) => item.part.read(problems));
      const message = `At least one ${noun.toLowerCase()} is needed.`;
      if (field.required) problems.push({ id: addButton.id, label: field.title, message });
      return undefined;
    },
    write: (value) => put(Array.isArray(value) ? value : (field.initial ?? [])),
  };
}

/** One row: its field, its name and number, and how to take it out. The label of a single text is the row's name. */
function rowOf(part, noun, isText, onRemove) {
  const number = el("span", { class: "unseen" });
  const off = el("button", { type: "button", class: "link", click: onRemove }, "Remove", number);
  const label = isText ? part.node.querySelector("label") : el("span", { class: "row-name" });
  const node = isText
    ? el("li", { class: "row one" }, part.node, off)
    : el("li", { class: "row" }, el("div", { class: "row-head" }, label, off), part.node);
  const named = (n) => {
    say(label, `${noun} ${n}`);
    say(number, ` ${noun.toLowerCase()} ${n}`);
  };
  return { part, node, named };
}

/** Rows that are too many to be taken apart. */
function manyRow({ rows, from }, onDrop) {
  const words = el("p", {}, el("strong", {}, counted(rows.length, "row")), from ? ` from ${from}` : "");
  const first = el("p", { class: "hint" }, `The first: ${shortened(JSON.stringify(rows[0]), 160)}`);
  return el(
    "li",
    { class: "row" },
    words,
    first,
    el("button", { type: "button", class: "link", click: onDrop }, "Take them out"),
  );
}

function frameOf(field, rows, addButton, put) {
  const wrong = el("p", { class: "wrong", role: "alert" });
  const onFile = async (file) => {
    say(wrong, "");
    try {
      put(await rowsOf(file), file.name);
    } catch (error) {
      say(wrong, error.message);
    }
  };
  const hint = field.description ? el("p", { class: "hint" }, field.description) : null;
  const optional = field.required ? null : el("span", { class: "optional" }, " optional");
  const file = field.item.kind === "object" ? fileButton(field, onFile) : null;
  const actions = el("div", { class: "actions" }, addButton, file);
  return el("fieldset", { class: "group list" }, el("legend", {}, field.title, optional), hint, rows, wrong, actions);
}

/** What one of a list is called: "Triples" holds a triple; a title that is no plural holds entries. */
function nounOf({ title }) {
  const one = title.replace(/^Task /, "");
  if (!one.endsWith("s")) return "Entry";
  return one.charAt(0).toUpperCase() + one.slice(1, -1);
}

const article = (noun) => `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun.toLowerCase()}`;

/** A button that opens a file; the input itself is hidden, and the button does for the keyboard. */
function fileButton(field, onFile) {
  const input = el("input", {
    type: "file",
    accept: ".jsonl,.ndjson,.json,application/json",
    hidden: true,
    "aria-hidden": "true",
    tabindex: -1,
    change: () => {
      if (input.files.length) onFile(input.files[0]);
      input.value = "";
    },
  });
  const button = el(
    "button",
    { type: "button", class: "button small plain", click: () => input.click() },
    "From a file…",
    el("span", { class: "unseen" }, ` for ${field.title.toLowerCase()}`),
  );
  return el("span", {}, button, input);
}
