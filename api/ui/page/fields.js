/**
 * Fields that a person fills in: each has `node`, `read(problems)` and `write(value)`.
 *
 * `read` returns the value, or undefined where nothing was given, and adds what is wrong to `problems` as
 * {id, label, message}; the same words then stand beside the field.
 */

import { el, fill, freshId, say } from "./elements.js";
import { listField } from "./list_field.js";
import { plainly } from "./words.js";

const FEW = { settings: 6, row: 3, object: 4 };

/** Build the field of a schema. `place` is "input" or "settings": texts of an input may have many lines. */
export function fieldFor(field, place) {
  const make = {
    object: objectField,
    list: (one, where) => listField(one, where, fieldFor),
    variants: variantsField,
    flag: flagField,
    choices: choicesField,
  }[field.kind];
  return make ? make(field, place) : singleField(field, place);
}

/** Build an object's fields: those that matter first, the others in a disclosure. A bare one stands in a frame already. */
export function objectField(field, place) {
  const bare = field.bare ?? false;
  const parts = field.fields.map((one) => ({ field: one, part: fieldFor(one, place) }));
  const first = shownFirst(field, place);
  const [near, far] = [
    parts.filter(({ field: one }) => first.has(one.name)),
    parts.filter(({ field: one }) => !first.has(one.name)),
  ];
  const body = el("div", { class: "fields" }, ...near.map(({ part }) => part.node));
  const more = far.length
    ? el(
        "details",
        { class: "more" },
        el("summary", {}, moreWords(far)),
        el("div", { class: "fields" }, ...far.map(({ part }) => part.node)),
      )
    : null;
  const optional = !field.required && !bare;
  const node = bare ? el("div", { class: "object" }, body, more) : group(field, body, more);
  return {
    node,
    read(problems) {
      const mine = [];
      const found = {};
      for (const { field: one, part } of parts) {
        const value = part.read(mine);
        const asIs = optional && JSON.stringify(value) === JSON.stringify(one.initial); // a default is nothing given
        if (value !== undefined && !asIs) found[one.name] = value;
      }
      if (optional && !Object.keys(found).length) return forgiven(parts);
      if (more && far.some(({ part }) => part.node.querySelector("[aria-invalid]"))) more.open = true;
      problems.push(...mine);
      return found;
    },
    write(value) {
      for (const { field: one, part } of parts) part.write(value?.[one.name]);
      if (value && optional && node.tagName === "DETAILS") node.open = true;
      if (more && far.some(({ field: one }) => value?.[one.name] !== undefined && value[one.name] !== null))
        more.open = true;
    },
  };
}

/** Return the names of the fields that are shown at once: required ones, and the schema's first so many. */
function shownFirst({ fields, bare, inRow }, place) {
  const few = place === "settings" && bare ? FEW.settings : inRow ? FEW.row : FEW.object;
  return new Set(fields.filter((one, i) => one.required || i < few || fields.length <= few + 1).map((one) => one.name));
}

/** Nothing of an optional object was given, so that nothing of it is missing. */
function forgiven(parts) {
  for (const { part } of parts) {
    for (const one of part.node.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    for (const one of part.node.querySelectorAll(".wrong")) say(one, "");
  }
  return undefined;
}

function moreWords(far) {
  const names = far.slice(0, 3).map(({ field }) => field.title.toLowerCase());
  return `More: ${names.join(", ")}${far.length > 3 ? " …" : ""}`;
}

function group(field, ...inside) {
  if (!field.required && field.kind === "object") return folded(field, inside);
  const hint = field.description ? el("p", { class: "hint" }, field.description) : null;
  return el("fieldset", { class: "group" }, el("legend", {}, field.title, optionalMark(field)), hint, ...inside);
}

/** What need not be given at all is folded away. */
function folded(field, inside) {
  const name = el("span", {}, field.title, optionalMark(field));
  const hint = field.description ? el("p", { class: "hint" }, field.description) : null;
  return el(
    "details",
    { class: "settings" },
    el("summary", {}, name),
    el("div", { class: "in", role: "group", "aria-label": field.title }, hint, ...inside),
  );
}

function optionalMark(field) {
  return field.required ? null : el("span", { class: "optional" }, " optional");
}

/** One control with its label, what it means, and what is wrong with it. */
export function labelled(field, control, { mark = true } = {}) {
  const [hintId, wrongId] = [`${control.id}-hint`, `${control.id}-wrong`];
  const hint = field.description ? el("p", { class: "hint", id: hintId }, field.description) : null;
  const wrong = el("p", { class: "wrong", id: wrongId });
  control.setAttribute("aria-describedby", hint ? `${hintId} ${wrongId}` : wrongId);
  const label = el("label", { for: control.id }, field.title, mark ? optionalMark(field) : null);
  return {
    node: el("div", { class: "field" }, label, hint, control, wrong),
    wrong(problems, message) {
      say(wrong, message ?? "");
      if (message) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
      if (message) problems.push({ id: control.id, label: field.title, message });
      return undefined;
    },
  };
}

function singleField(field, place) {
  const control = field.kind === "choice" ? choiceControl(field) : textControl(field, place);
  const frame = labelled(field, control, { mark: place === "input" });
  return {
    node: frame.node,
    read(problems) {
      const given = control.value;
      frame.wrong(problems, null);
      if (!given.trim()) {
        if (saysNull(field)) return null;
        return field.required ? frame.wrong(problems, `${field.title} is needed.`) : undefined;
      }
      const { value, message } = valueOf(given, field);
      return message ? frame.wrong(problems, message) : value;
    },
    write(value) {
      const shown = value ?? field.initial ?? "";
      control.value = field.kind === "json" && shown !== "" ? asJson(shown, field) : String(shown);
    },
  };
}

/** Whether an emptied control says null: where that may be, and is not what it is without being said. */
const saysNull = ({ nullable, initial }) => nullable && initial !== undefined && initial !== null;

function choiceControl(field) {
  const none = field.required || field.initial !== undefined ? [] : [el("option", { value: "" }, "not set")];
  const options = field.options.map((one) =>
    el("option", { value: String(one), selected: one === field.initial }, String(one)),
  );
  return el("select", { id: freshId("f") }, ...none, ...options);
}

function textControl(field, place) {
  const long = field.kind === "json" || (field.kind === "text" && place === "input");
  const mode = { integer: "numeric", number: "decimal" }[field.kind];
  const like = field.examples.length ? plainly(field.examples[0]) : null;
  const control = long
    ? el("textarea", { id: freshId("f"), rows: 1, spellcheck: field.kind === "text", placeholder: like })
    : el("input", {
        id: freshId("f"),
        type: "text",
        inputmode: mode,
        autocomplete: "off",
        spellcheck: "false",
        placeholder: like,
      });
  if (field.initial !== undefined && field.initial !== null)
    control.value = field.kind === "json" ? asJson(field.initial, field) : String(field.initial);
  return control;
}

function asJson(value, field) {
  if (field.form === "any" && typeof value === "string" && !looksLikeJson(value)) return value;
  return JSON.stringify(value);
}

/** Read one control's text: {value} or {message}. */
export function valueOf(given, field) {
  if (field.kind === "choice") return { value: field.options.find((one) => String(one) === given) };
  if (field.kind === "integer" || field.kind === "number") return numberOf(given.trim(), field);
  if (field.kind === "json") return jsonOf(given.trim(), field);
  if (field.longest && given.length > field.longest)
    return { message: `${given.length} characters; at most ${field.longest} are allowed.` };
  return { value: given };
}

function numberOf(given, { kind, low, high }) {
  const value = Number(given);
  if (!Number.isFinite(value)) return { message: `“${given}” is no number.` };
  if (kind === "integer" && !Number.isInteger(value)) return { message: `“${given}” is no whole number.` };
  if (low !== undefined && value < low) return { message: `${given} is too low; the least is ${low}.` };
  if (high !== undefined && value > high) return { message: `${given} is too high; the most is ${high}.` };
  return { value };
}

function jsonOf(given, { form }) {
  if (form === "any" && !looksLikeJson(given)) return { value: given };
  try {
    const value = JSON.parse(given);
    const right =
      form === "any" ||
      (form === "array" ? Array.isArray(value) : value && typeof value === "object" && !Array.isArray(value));
    return right ? { value } : { message: `This must be a JSON ${form}.` };
  } catch (error) {
    return form === "any" && !/^[[{"]/.test(given)
      ? { value: given }
      : { message: `This is no JSON: ${error.message}.` };
  }
}

const looksLikeJson = (text) => /^\s*([[{"]|-?\d|true\s*$|false\s*$|null\s*$)/.test(text);

function flagField(field, place) {
  if (field.initial === undefined || field.initial === null) return threeWay(field, place);
  const control = el("input", { id: freshId("f"), type: "checkbox", checked: field.initial === true });
  const hint = field.description ? el("p", { class: "hint", id: `${control.id}-hint` }, field.description) : null;
  if (hint) control.setAttribute("aria-describedby", hint.id);
  return {
    node: el("div", { class: "field flag" }, control, el("label", { for: control.id }, field.title), hint),
    read: () => control.checked,
    write: (value) => void (control.checked = value ?? field.initial),
  };
}

/** Yes, no, or not said. */
function threeWay(field, place) {
  const part = singleField({ ...field, kind: "choice", options: ["true", "false"] }, place);
  return {
    ...part,
    read(problems) {
      const said = part.read(problems);
      return said === undefined ? undefined : said === "true";
    },
    write: (value) => part.write(value === undefined || value === null ? undefined : String(value)),
  };
}

function choicesField(field) {
  const boxes = field.options.map((one) => ({
    one,
    box: el("input", { type: "checkbox", id: freshId("f"), checked: field.initial?.includes(one) }),
  }));
  const rows = boxes.map(({ one, box }) =>
    el("div", { class: "flag" }, box, el("label", { for: box.id }, String(one))),
  );
  return {
    node: group(field, ...rows),
    read: () => boxes.filter(({ box }) => box.checked).map(({ one }) => one),
    write: (value) =>
      boxes.forEach(({ one, box }) => void (box.checked = (value ?? field.initial ?? []).includes(one))),
  };
}

/** A value that may have several forms: the person picks one, the first to begin with. */
function variantsField(field, place) {
  const parts = field.variants.map((one) =>
    fieldFor(
      { ...one, title: field.title, name: field.name, description: field.description, required: field.required },
      place,
    ),
  );
  const names = field.variants.map(
    (one) =>
      ({ text: "as text", list: "as a list", json: "as JSON", object: "as an object" })[one.kind] ?? `as ${one.kind}`,
  );
  const inside = el("div", {}, parts[0].node);
  let at = 0;
  const button = el("button", { type: "button", class: "link", click: () => turn((at + 1) % parts.length) }, "");
  const turn = (to) => {
    at = to;
    fill(inside, parts[at].node);
    fill(button, el("span", { class: "unseen" }, `${field.title} `), names[(at + 1) % parts.length]);
  };
  turn(0);
  return {
    node: el("div", { class: "variants" }, inside, parts.length > 1 ? button : null),
    read: (problems) => parts[at].read(problems),
    write(value) {
      const fits = field.variants.findIndex((one) =>
        typeof value === "string" || value === undefined ? one.kind === "text" : one.kind !== "text",
      );
      turn(Math.max(fits, 0));
      parts[at].write(value);
    },
  };
}
