/** Beside a run: where it is in its graph, what it has spent, its steps, its history. */

import { disclosure, el, fill, say, scrolled } from "./elements.js";
import { historyOf } from "./history.js";
import { count, dollars, duration, spoken } from "./words.js";

const MOST_STEPS = 400;

/** Build it; `draw` takes a state, `drawLive` what is known while the run goes on. */
export function sideOf(run, drawing) {
  const spent = el("dl", { class: "spent" });
  const steps = el("ol", { class: "steps" });
  const stepCount = el("span", {}, "Steps");
  const stepBox = el(
    "details",
    { class: "boxed" },
    el("summary", {}, stepCount),
    el("div", { class: "in" }, scrolled("Steps", steps)),
  );
  stepBox.open = window.matchMedia("(min-width: 60rem)").matches;
  let drawnSteps = 0;
  let lastKnown = { next: [], recent: [] };

  const node = el(
    "aside",
    { class: "side", "aria-label": "Progress" },
    el("h2", {}, "Where it is"),
    el("div", { class: "picture" }, drawing.node),
    el("h2", {}, "Spent"),
    spent,
    stepBox,
    disclosure("History", () => historyOf(run.id), { anew: true }),
  );
  return {
    node,
    draw(state, live) {
      lastKnown = { next: state.next ?? [], recent: state.values?.recent ?? [] };
      fill(spent, spentOf(state.values ?? {}));
      this.drawLive(live);
    },
    drawLive(live) {
      const active = live.active.size ? new Set(live.active.keys()) : new Set(lastKnown.next);
      drawing.show(active, live.visits);
      if (!live.steps.length && !drawnSteps) return drawRecent();
      stepBox.hidden = false;
      for (; drawnSteps < live.steps.length; drawnSteps += 1) steps.append(stepOf(live.steps[drawnSteps]));
      while (steps.childElementCount > MOST_STEPS) steps.firstElementChild.remove();
      say(stepCount, `Steps (${count(live.steps.length)})`);
    },
  };

  /** Of a run that is opened again, the state keeps the last steps. */
  function drawRecent() {
    stepBox.hidden = !lastKnown.recent.length;
    fill(
      steps,
      lastKnown.recent.map((one) =>
        stepOf({ words: `${spoken(one.operation)} ${one.section ?? ""}: ${one.result}`, value: one.step }),
      ),
    );
    say(stepCount, "Last steps");
  }
}

const stepOf = ({ words, tone, value }) => el("li", { class: tone || null, value }, words);

/** Say at which nodes a run is. */
export function whereWords(live, next) {
  const at = [...live.active].map(([name, times]) => `${spoken(name)}${times > 1 ? ` ×${times}` : ""}`);
  if (at.length) return `at ${at.join(", ")}`;
  return next.length ? `before ${[...new Set(next)].map(spoken).join(", ")}` : "";
}

/** Where a price is not known, the cost is a lower bound; a bound of nothing says nothing. */
function costOf({ cost, unpriced }) {
  if (!unpriced) return dollars(cost);
  return cost ? `at least ${dollars(cost)}` : "no price is known";
}

/** What a run has spent, by the names that each graph uses. */
function spentOf(values) {
  const spent = values.spent ?? {};
  const calls = spent.calls ?? spent.llm_calls;
  const tokens = spent.tokens ?? (spent.tokens_in ?? 0) + (spent.tokens_out ?? 0);
  const cost = spent.cost === undefined ? null : costOf(spent);
  const rows = [
    ["Calls of language models", count(calls)],
    ["Tokens", count(tokens)],
    ["Cost", cost],
    ["Time", duration(spent.seconds)],
    ["Downloaded", spent.bytes ? `${(spent.bytes / 1e6).toFixed(1)} MB` : null],
    ["Reward models tried", spent.candidates ? count(spent.candidates) : null],
  ];
  return rows
    .filter(([, value]) => value !== null)
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}
