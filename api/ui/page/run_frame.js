/** The frame of a run's view: its heading and buttons, what went wrong, the question, the result, and the side. */

import { asWritten, el, fill, say } from "./elements.js";
import { graphDrawing } from "./graph_drawing.js";
import { questionForm } from "./question.js";
import { sideOf, whereWords } from "./run_side.js";
import { errorOf, spoken, standing } from "./words.js";

const MOST_STREAMS = 4;
const WHOSE = {
  InputError: "The input or a setting can't be used",
  ModelUnavailable: "The language model can't be used",
};

/** Build it. `view` makes the part that differs by graph; `doings` are what its buttons do. */
export function runFrame(run, view, thread, drawing, doings) {
  const controls = controlsOf(thread.status, doings);
  const failure = failureOf();
  const question = questionOf();
  const now = el("section", { class: "now", "aria-label": "Being written", hidden: true });
  const result = (view ?? plainView)(run);
  const side = sideOf(run, graphDrawing(drawing));
  const column = el("div", { class: "column" }, now, result.node);
  const drawLive = (live) => {
    result.drawLive?.(live);
    side.drawLive(live);
    controls.drawLive(live);
    drawWriting(now, live);
  };
  return {
    nodes: [
      headingOf(run, thread, controls.node),
      failure.node,
      question.node,
      el("div", { class: "columns" }, column, side.node),
    ],
    under: controls.under,
    fail: failure.show,
    ask: question.ask,
    ending: () => (question.asks() ? "The run waits for your answer" : `The run has ${controls.words()}`),
    draw(state, status, live) {
      controls.under(status, state);
      failure.show(status === "busy" ? "" : wrongIn(state, status, live));
      result.draw(state, live);
      side.draw(state, live);
      drawLive(live);
    },
    drawLive,
  };
}

function headingOf(run, thread, controls) {
  const { title, assistant } = thread.metadata ?? {};
  const over = [run.graph.toUpperCase(), assistant === "default" ? "" : assistant].filter(Boolean).join(" · ");
  return el(
    "header",
    { class: "run-head" },
    el("p", { class: "over" }, over),
    el("h1", { tabindex: "-1" }, title ?? `A run of ${run.graph}`),
    controls,
  );
}

/** How the run stands, where it is, and what may be done about it. */
function controlsOf(first, { onStop, onGoOn, onAgain }) {
  const pill = el("span", { class: "pill" });
  const where = el("span", { class: "where" });
  const stop = el("button", { type: "button", class: "button small", click: onStop }, "Stop");
  const goOn = el("button", { type: "button", class: "button small", click: onGoOn }, "Go on");
  const again = el("button", { type: "button", class: "button small plain", click: onAgain }, "Run again…");
  let [status, next] = [first, []];
  return {
    node: el("div", { class: "actions" }, pill, where, stop, goOn, again),
    words: () => standing(status).words,
    /** Show a status; where the state is known, a run that stopped on its way may go on. */
    under(now, state = null) {
      status = now;
      next = state?.next ?? [];
      const { words, tone } = standing(now);
      say(pill, words);
      pill.className = `pill ${tone}`;
      [stop.hidden, again.hidden] = [now !== "busy", now === "busy"];
      goOn.hidden = now === "busy" || !next.length || interruptIn(state) !== null;
    },
    drawLive: (live) => say(where, whereWords(live, status === "busy" ? [] : next)),
  };
}

function failureOf() {
  const node = el("div", { class: "notice bad", role: "alert", hidden: true });
  return {
    node,
    show(message) {
      node.hidden = !message;
      if (message && !node.textContent.endsWith(message)) fill(node, el("strong", {}, "It went wrong. "), message);
    },
  };
}

/** The question that waits; one that stands there already stays, with what was typed into it. */
function questionOf() {
  const node = el("section", { class: "question-place", "aria-label": "Question", hidden: true });
  let asked = null;
  return {
    node,
    asks: () => asked !== null,
    ask(state, answer) {
      const interrupt = interruptIn(state);
      const key = interrupt ? `${interrupt.id} ${JSON.stringify(interrupt.value)}` : null;
      if (key === asked) return;
      asked = key;
      node.hidden = !key;
      fill(node, interrupt ? questionForm(interrupt.value, answer) : []);
    },
  };
}

function interruptIn(state) {
  return (state?.tasks ?? []).flatMap((task) => task.interrupts ?? [])[0] ?? null;
}

/** What went wrong, in words: the state keeps a failed node's own error, the stream only what clients are told. */
function wrongIn(state, status, live) {
  const error = (state.tasks ?? []).map((task) => task.error).find(Boolean);
  if (status === "error" && error) return saidOf(error);
  return live.error ? (live.error.message ?? String(live.error)) : "";
}

function saidOf(repr) {
  const { name, message } = errorOf(repr);
  return `${WHOSE[name] ?? name}: ${message}`.replace(/^: /, "");
}

/** What models are writing at the moment; screen readers find it, but are not told of each word. */
function drawWriting(place, live) {
  const streams = [...live.writing.values()].slice(0, MOST_STREAMS);
  place.hidden = !streams.length;
  const shown = streams.map(({ node, section, text }) =>
    el(
      "div",
      { class: "stream" },
      el("p", { class: "over" }, section ? `${spoken(node)}: ${live.sections.get(section)?.title ?? section}` : spoken(node)),
      el("p", { class: "tokens" }, text),
    ),
  );
  fill(place, shown);
}

/** A graph that the page has no view for: its state as it is. */
function plainView() {
  const pre = asWritten("State", "");
  return {
    node: el("section", {}, el("h2", {}, "State"), pre),
    draw: (state) => say(pre, JSON.stringify(state.values, null, 2)),
  };
}
