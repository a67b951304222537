/** The view in which a run is begun: which assistant, with what, under which settings. */

import { el, fill, freshId, say } from "./elements.js";
import { EXAMPLES } from "./examples.js";
import { graphForm } from "./form.js";
import * as server from "./server.js";
import { conversation, counted, shortened, spoken } from "./words.js";

const GRAPHS = {
  ravel: { name: "RAVEL, the writing agent", about: "Plans, outlines, drafts, reviews and refines an article." },
  rlar: {
    name: "RLAR, the reward agent",
    about: "Scores completions by the tool that fits each; gets tools for tasks that have none.",
  },
};

/** Show it. `chosen` is an assistant's id; `given` is {input, context} of a run that is to be begun again. */
export async function newView(main, { chosen, given, go }) {
  const all = inOrder(await server.assistants());
  if (!all.length) throw new Error("The server has no assistants: it serves no graph.");
  const place = el("div", { id: "form-place" });
  const shown = { current: null };
  const show = async (assistant, values) => {
    shown.current = assistant.assistant_id;
    fill(place, el("p", { class: "quiet" }, "Loading the form…")); // the one before would begin another's run
    const form = await formOf(assistant, values, go);
    if (shown.current === assistant.assistant_id) fill(place, form);
  };
  const pick = (assistant) =>
    show(assistant).catch((error) => {
      if (shown.current !== assistant.assistant_id) return;
      fill(place, el("p", { class: "notice bad", role: "alert" }, error.message));
    });
  const first = all.find((one) => one.assistant_id === chosen || one.graph_id === chosen) ?? all[0];
  fill(
    main,
    el("h1", { tabindex: "-1" }, "New run"),
    picker(all, first, pick),
    place,
  );
  await show(first, given);
}

async function formOf(assistant, given, go) {
  const schemas = await server.schemas(assistant.assistant_id);
  const own = assistant.context ?? {};
  const lacksModel = assistant.graph_id === "ravel" && !(given?.context ?? own).model; // RAVEL does nothing without one
  const onRun = async (values) => {
    const thread = await server.newThread({ title: titleOf(values.input), assistant: nameOf(assistant) });
    await server.begin(thread.thread_id, assistant.assistant_id, values);
    go(`/run/${thread.thread_id}`);
  };
  const form = graphForm(schemas, given ?? { input: {}, context: own }, { onRun, openSettings: lacksModel });
  return [examplesOf(assistant, form, own), form.node];
}

function examplesOf(assistant, form, own) {
  const examples = EXAMPLES[assistant.graph_id] ?? [];
  if (!examples.length) return null;
  const buttons = examples.map((one) =>
    el(
      "button",
      {
        type: "button",
        class: "button small plain",
        click: () => form.write({ input: one.input, context: { ...own, ...one.context } }),
      },
      one.name,
    ),
  );
  return el(
    "div",
    { class: "actions examples", role: "group", "aria-label": "Examples" },
    el("span", { class: "quiet" }, "Fill in an example:"),
    ...buttons,
  );
}

/** First which graph, then which of its assistants: settings that somebody has given a name. */
function picker(all, first, onPick) {
  const graphs = new Map();
  for (const one of all) graphs.set(one.graph_id, [...(graphs.get(one.graph_id) ?? []), one]);
  const named = el("div", {});
  const [graphRadios, assistantRadios] = [freshId("graph"), freshId("assistant")];
  const pick = (one) => {
    say(about, one.description ?? "");
    onPick(one);
  };
  const about = el("p", { class: "hint", id: freshId("about") }, first.description ?? "");
  const chooseGraph = (graph, chosen) => {
    const some = graphs.get(graph);
    named.hidden = some.length < 2;
    fill(
      named,
      el(
        "fieldset",
        { class: "picker" },
        el("legend", {}, "Assistant"),
        el(
          "div",
          { class: "chips" },
          ...some.map((one) => chip(assistantRadios, nameOf(one), one === chosen, about.id, () => pick(one))),
        ),
      ),
    );
  };
  const cards = [...graphs].map(([graph, some]) =>
    choice(graphRadios, GRAPHS[graph] ?? { name: graph, about: "" }, graph === first.graph_id, () => {
      chooseGraph(graph, some[0]);
      pick(some[0]);
    }),
  );
  chooseGraph(first.graph_id, first);
  return el(
    "div",
    { class: "pickers" },
    el(
      "fieldset",
      { class: "picker" },
      el("legend", { class: "unseen" }, "Graph"),
      el("div", { class: "choices" }, cards),
    ),
    named,
    about,
  );
}

function choice(name, { name: label, about }, checked, change) {
  const id = freshId("a");
  return el(
    "div",
    { class: "choice" },
    el("input", { type: "radio", name, id, checked, "aria-describedby": `${id}-d`, change }),
    el("label", { for: id }, label),
    el("p", { class: "hint", id: `${id}-d` }, about),
  );
}

function chip(name, label, checked, describedBy, change) {
  const id = freshId("a");
  return el(
    "span",
    { class: "chip" },
    el("input", { type: "radio", name, id, checked, "aria-describedby": describedBy, change }),
    el("label", { for: id }, label),
  );
}

/** An assistant's name, without its graph's. */
export function nameOf({ name, graph_id: graph }) {
  return name === graph ? "default" : spoken(name.replace(`${graph}: `, ""));
}

/** RAVEL before RLAR before others; the graph itself before its other assistants, and these by age. */
function inOrder(all) {
  const rank = (one) => [
    Object.keys(GRAPHS).indexOf(one.graph_id) + 1 || 99,
    one.name === one.graph_id ? 0 : 1,
    one.created_at,
  ];
  return [...all].sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    const at = x.findIndex((value, i) => value !== y[i]);
    return at < 0 ? 0 : x[at] < y[at] ? -1 : 1;
  });
}

/** A run's name in the list of runs. */
export function titleOf(input) {
  if (input?.brief?.instruction) return shortened(input.brief.instruction, 120);
  if (input?.triples?.length)
    return `${counted(input.triples.length, "completion")}: ${shortened(conversation(input.triples[0].prompt), 80)}`;
  const rows = [...(input?.examples ?? []), ...(input?.probes ?? [])];
  return rows.length ? `A tool for: ${shortened(conversation(rows[0].prompt), 90)}` : "A run";
}
