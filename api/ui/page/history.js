/** A thread's history: a checkpoint a line, the last first, with what stood in it. */

import { el, fill, scrolled } from "./elements.js";
import * as server from "./server.js";
import { moment, shortened, spoken } from "./words.js";

const AT_ONCE = 10; // checkpoints with all sections' texts that are asked for together

/** Return a place that fills with the history once the server has told it. */
export function historyOf(threadId) {
  const place = el("div", {}, el("p", { class: "quiet" }, "Loading…"));
  server
    .history(threadId)
    .then((states) =>
      fill(place, scrolled("History", el("ol", { class: "steps", reversed: true }, ...states.map(lineOf)))),
    )
    .catch((error) => fill(place, el("p", { class: "wrong" }, error.message)));
  return place;
}

function lineOf(state) {
  const next = (state.next ?? []).map(spoken);
  const error = (state.tasks ?? []).map((task) => task.error).find(Boolean);
  const what = error
    ? `failed at ${next.join(", ")}: ${shortened(error, 160)}`
    : next.length
      ? `before ${[...new Set(next)].join(", ")}`
      : "the end";
  return el(
    "li",
    { class: error ? "bad" : null },
    `${what} `,
    el("span", { class: "quiet" }, moment(state.created_at)),
  );
}

/** Return every text that a section had, in order, each as the section stood when it was last the same. */
export async function textsOf(threadId, section) {
  const texts = [];
  for (let before; ;) {
    const states = await server.history(threadId, { limit: AT_ONCE, values: ["sections"], before });
    for (const state of states) {
      const one = state.values?.sections?.[section];
      if (!one?.content) return texts.reverse();
      if (texts.at(-1)?.content !== one.content) texts.push(one);
    }
    if (states.length < AT_ONCE) return texts.reverse();
    before = { configurable: states.at(-1).checkpoint };
  }
}
