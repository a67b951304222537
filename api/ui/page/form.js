/**
 * The form of a graph: its input, its settings, and the same as JSON.
 *
 * `read()` returns {input, context}, or null after it has named what is wrong, above and beside the fields.
 */

import { el, fill, freshId, say } from "./elements.js";
import { objectField, labelled } from "./fields.js";
import { fieldsOf } from "./schema.js";

/** Build the form. `given` is {input, context} to begin with; `openSettings` shows the settings at once. */
export function graphForm(schemas, given, { onRun, openSettings = false }) {
  const input = part(schemas.input_schema, "input");
  const settings = part(schemas.context_schema ?? {}, "settings");
  const json = jsonPart();
  const problems = problemList();
  const asFields = el("div", {}, input.node, settingsNode(settings, openSettings));
  const body = el("div", {}, asFields);
  const toggle = el(
    "button",
    { type: "button", class: "button plain", "aria-pressed": "false", click: () => turn() },
    "As JSON",
  );
  const runButton = el("button", { type: "submit", class: "button go" }, "Run");
  let jsonShown = false;

  const turn = () => {
    const wrong = [];
    const found = jsonShown ? json.read(wrong) : both([]);
    problems.show(wrong);
    if (wrong.length) return;
    jsonShown = !jsonShown;
    if (jsonShown) json.write(found);
    else write(found);
    fill(body, jsonShown ? json.node : asFields);
    toggle.setAttribute("aria-pressed", String(jsonShown));
  };
  const both = (wrong) => ({
    input: input.read(wrong) ?? {},
    context: changed(settings.read(wrong) ?? {}, settings.field, given.context),
  });
  const write = (values) => {
    input.write(values.input ?? {});
    settings.write(values.context ?? {});
  };
  const submit = async (event) => {
    event.preventDefault();
    const wrong = [];
    const values = jsonShown ? json.read(wrong) : both(wrong);
    if (!wrong.length && !Object.keys(values.input).length) wrong.push(nothingGiven(input.field));
    problems.show(wrong);
    if (wrong.length) return;
    runButton.disabled = true;
    try {
      await onRun(values);
    } catch (error) {
      problems.show([{ label: "Not started", message: error.message }]);
    } finally {
      runButton.disabled = false;
    }
  };
  write(given);
  const node = el(
    "form",
    { class: "graph-form", novalidate: true, submit },
    problems.node,
    body,
    el("div", { class: "actions end" }, runButton, toggle),
  );
  return {
    node,
    write: (values) => {
      if (jsonShown) turn();
      write(values);
    },
  };
}

function part(schema, place) {
  const field = { name: place, title: place, fields: fieldsOf(schema, schema), bare: true, required: true };
  return { field, ...objectField(field, place) };
}

function settingsNode(settings, open) {
  if (!settings.field.fields.length) return null;
  return el(
    "details",
    { class: "settings", open },
    el("summary", {}, "Settings: model, limits, approvals"),
    el("div", { class: "in" }, settings.node),
  );
}

/** Where each field may be left out, one must be there all the same. */
function nothingGiven({ fields }) {
  const names = fields.map((one) => one.title.toLowerCase());
  return { label: "Nothing is given", message: `fill in at least one of ${names.join(", ")}.` };
}

/** Settings that differ from their defaults, or that the assistant sets itself: only these are sent. */
function changed(values, { fields }, before = {}) {
  const sent = {};
  for (const { name, initial, nullable } of fields) {
    const own = name in before;
    const value = own && nullable ? (values[name] ?? null) : values[name]; // taken out: null, not the assistant's
    if (value === undefined) continue;
    if (own || JSON.stringify(value) !== JSON.stringify(initial ?? null)) sent[name] = value;
  }
  return sent;
}

function jsonPart() {
  const control = el("textarea", { id: freshId("json"), class: "code", rows: 18, spellcheck: "false" });
  const field = {
    title: "Input and settings as JSON",
    description: "An object with “input” and “context”, as the server's API takes them.",
    required: true,
  };
  const frame = labelled(field, control, { mark: false });
  return {
    node: frame.node,
    write: (values) => void (control.value = JSON.stringify(values, null, 2)),
    read(problems) {
      frame.wrong(problems, null);
      try {
        const value = JSON.parse(control.value);
        if (value?.input && typeof value.input === "object")
          return { input: value.input, context: value.context ?? {} };
        return frame.wrong(problems, "It must be an object that has “input”.");
      } catch (error) {
        return frame.wrong(problems, `This is no JSON: ${error.message}.`);
      }
    },
  };
}

/** What is wrong, above the form: each names its field and leads there. It takes the focus when there is something. */
function problemList() {
  const list = el("ul");
  const title = el("h2", {}, "");
  const node = el("div", { class: "notice bad problems", tabindex: "-1", hidden: true }, title, list);
  return {
    node,
    show(problems) {
      node.hidden = !problems.length;
      if (!problems.length) return;
      say(title, problems.length === 1 ? "One thing is not right yet" : `${problems.length} things are not right yet`);
      fill(
        list,
        problems.map(({ id, label, message }) => el("li", {}, id ? link(id, label) : `${label}`, `: ${message}`)),
      );
      node.focus();
    },
  };
}

function link(id, label) {
  const go = (event) => {
    event.preventDefault();
    const control = document.getElementById(id);
    for (let at = control?.closest("details"); at; at = at.parentElement?.closest("details")) at.open = true;
    control?.focus();
  };
  return el("a", { href: `#${id}`, click: go }, label);
}
