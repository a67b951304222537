/** Rewards and evidence: what each completion got by which tool, what got none and why, and what became of candidates. */

import { asWritten, disclosure, el, fill } from "./elements.js";
import { interval } from "./interval.js";
import { beginning, conversation, count, counted, figure, plainly, sentence, shortened, spoken } from "./words.js";

const MOST_ROWS = 200;
const ENDS_WELL = new Set(["scored", "known", "adopted"]);

/** Build the view of a run. */
export function rlarView() {
  const place = el("div", { class: "rewards" });
  let before = "";
  return {
    node: el("section", { "aria-label": "Rewards and evidence" }, place),
    draw(state) {
      const values = state.values ?? {};
      const now = JSON.stringify([
        values.end,
        values.adopted,
        values.rewards,
        values.routes,
        values.candidates,
        values.left_out,
        values.task,
      ]);
      if (now === before) return; // what a person has opened stays open
      before = now;
      fill(
        place,
        endingOf(values),
        taskOf(values.task),
        adoptedOf(values),
        candidatesOf(values),
        rewardsOf(values),
        leftOutOf(values.left_out),
      );
    },
  };
}

function endingOf({ end, because }) {
  if (!end) return el("p", { class: "quiet" }, "Nothing has come of it yet.");
  const tone = ENDS_WELL.has(end) ? "good" : "warn";
  return el(
    "p",
    { class: `notice ${tone}` },
    el("strong", {}, `${sentence(spoken(end))}. `),
    because ? `${sentence(because)}.` : "",
  );
}

function taskOf(task) {
  if (!task) return null;
  return el(
    "section",
    { class: "card" },
    el("h2", {}, "The task: ", el("code", {}, task.label)),
    el("p", {}, task.summary),
    el("p", { class: "quiet" }, `Right is: ${task.correct}`),
  );
}

function adoptedOf({ adopted, candidates }) {
  if (!adopted) return null;
  const entry = (candidates ?? []).find((one) => one.name === adopted.candidate)?.entry;
  return el(
    "section",
    { class: "card good-edge" },
    el("h2", {}, "Adopted: ", el("code", {}, adopted.tool)),
    el(
      "p",
      { class: "quiet" },
      `${spoken(adopted.kind)} · ${adopted.candidate} · version ${String(adopted.version).slice(0, 8)}`,
    ),
    entry ? el("p", {}, entry.card.summary) : null,
    entry ? factsOf(entry.card.evidence) : null,
    entry ? sourceOf(entry.recipe) : null,
  );
}

function candidatesOf({ candidates }) {
  if (!candidates?.length) return null;
  const passed = candidates.filter((one) => one.passed).length;
  return el(
    "section",
    {},
    el("h2", {}, `Candidates: ${passed} passed, ${candidates.length - passed} refused`),
    el("div", { class: "cards" }, ...candidates.map(candidateCard)),
  );
}

function candidateCard(one) {
  const facts = one.entry?.card?.evidence ?? [];
  return el(
    "article",
    { class: "card" },
    el(
      "div",
      { class: "section-head" },
      el("h3", {}, one.name),
      el("span", { class: `tag ${one.passed ? "good" : "warn"}` }, one.passed ? "passed" : "refused"),
      el("span", { class: "quiet" }, spoken(one.kind)),
    ),
    el("ul", { class: "reasons" }, ...one.reasons.map((reason) => el("li", {}, reason))),
    facts.length ? factsOf(facts) : null,
    trialOf(one.entry?.trial ?? one.shown),
    one.entry ? sourceOf(one.entry.recipe) : null,
  );
}

/** Evidence as figures with their 95 % intervals. */
export function factsOf(facts) {
  if (!facts?.length) return el("p", { class: "quiet" }, "Nothing was measured.");
  return el("ul", { class: "facts" }, ...facts.map(interval));
}

function trialOf(trial) {
  if (!trial) return null;
  const words = [
    counted(trial.n, "probe"),
    `${spoken(trial.half)} half`,
    `${count(trial.false_accepts)} wrongly accepted`,
    `${count(trial.false_rejects)} wrongly rejected`,
    `${count(trial.unscored)} unscored`,
  ];
  const mistakes = trial.mistakes ?? [];
  return el(
    "div",
    {},
    el("p", { class: "quiet" }, words.join(" · ")),
    mistakes.length
      ? disclosure(counted(mistakes.length, "mistake shown", "mistakes shown"), () => mistakes.map(mistakeOf), {
          className: "boxed",
        })
      : null,
  );
}

function mistakeOf(one) {
  const rows = [
    ["Prompt", one.prompt],
    ["Completion", one.completion],
    ["Reference", one.reference],
    ["It gave", one.value === null ? "nothing" : figure(one.value)],
    ["It should have been", one.good ? "accepted" : "rejected"],
    ["Remark", one.reason],
  ];
  return el(
    "dl",
    { class: "pairs" },
    ...rows.filter(([, said]) => said).map(([name, said]) => el("div", {}, el("dt", {}, name), el("dd", {}, said))),
  );
}

/** A written verifier's program, or how another tool is built again. */
export function sourceOf(recipe) {
  if (!recipe) return null;
  const { source, ...rest } = recipe;
  const text = source ?? JSON.stringify(rest, null, 2);
  return disclosure(source ? "The program" : "How it is built", () => asWritten("Source", text), {
    className: "boxed",
  });
}

function rewardsOf({ triples, rewards, routes }) {
  if (!triples?.length) return null;
  const rows = triples.map((triple, i) => ({ triple, reward: rewards?.[i] ?? null, route: routes?.[i] ?? null }));
  const unscored = rows.filter(({ reward }) => reward && reward.reward === null);
  return el(
    "section",
    {},
    el("h2", {}, "Rewards"),
    rewards ? tallyOf(rows, unscored) : el("p", { class: "quiet" }, "Not scored yet."),
    el("ol", { class: "reward-rows" }, ...rows.slice(0, MOST_ROWS).map(rewardRow)),
    rows.length > MOST_ROWS
      ? el("p", { class: "quiet" }, `${count(rows.length - MOST_ROWS)} more are not shown here.`)
      : null,
  );
}

/** Per tool how many, and the mean of those that have a reward; unscored ones apart, with their reasons counted. */
function tallyOf(rows, unscored) {
  const tools = new Map();
  for (const { reward } of rows) {
    if (!reward) continue;
    const name = reward.tool ?? "no tool fits";
    const one = tools.get(name) ?? { n: 0, sum: 0, scored: 0 };
    one.n += 1;
    if (reward.reward !== null) [one.sum, one.scored] = [one.sum + reward.reward, one.scored + 1];
    tools.set(name, one);
  }
  const lines = [...tools]
    .sort(([, a], [, b]) => b.n - a.n)
    .map(([name, { n, sum, scored }]) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, name),
        el("td", { class: "n" }, count(n)),
        el("td", { class: "n" }, scored ? figure(sum / scored) : figure(NaN)),
        el("td", { class: "n" }, count(n - scored)),
      ),
    );
  const heads = [
    ["tool", ""],
    ["n", "n"],
    ["mean", "n"],
    ["unscored", "n"],
  ].map(([name, kind]) => el("th", { scope: "col", class: kind || null }, name));
  const table = el(
    "table",
    {},
    el("caption", { class: "unseen" }, "Rewards by tool"),
    el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, lines),
  );
  return [table, unscored.length ? whyUnscored(unscored) : null];
}

function whyUnscored(unscored) {
  const reasons = new Map();
  for (const { reward } of unscored)
    reasons.set(reward.reason ?? "no reason was given", (reasons.get(reward.reason ?? "no reason was given") ?? 0) + 1);
  return el(
    "div",
    { class: "notice warn" },
    el("strong", {}, `${count(unscored.length)} unscored`),
    ", left out of the means:",
    el("ul", {}, ...[...reasons].map(([why, n]) => el("li", {}, `${count(n)}: ${why}`))),
  );
}

function rewardRow({ triple, reward, route }) {
  const value = reward?.reward ?? null;
  const badge = el(
    "span",
    { class: `reward ${value === null ? "none" : ""}` },
    reward ? (value === null ? "unscored" : figure(value)) : "…",
  );
  const routed = route?.tool && route.reason ? `Routed there: ${route.reason}.` : "";
  const why = [routed, reward?.reason ? `${sentence(reward.reason)}.` : ""].filter(Boolean).join(" ");
  const meter = value === null ? null : el("progress", { max: 1, value, "aria-hidden": "true", tabindex: -1 });
  const reference =
    triple.reference === null || triple.reference === undefined
      ? null
      : el("p", { class: "quiet" }, `Reference: ${shortened(plainly(triple.reference), 200)}`);
  return el(
    "li",
    { class: "reward-row" },
    el(
      "div",
      { class: "reward-head" },
      badge,
      meter,
      el("span", { class: "tool" }, reward?.tool ?? route?.tool ?? "no tool"),
    ),
    el("p", { class: "prompt" }, beginning(conversation(triple.prompt), 300)),
    el("p", { class: "completion" }, beginning(conversation(triple.completion), 600)),
    reference,
    why ? el("p", { class: "quiet" }, why) : null,
    reward?.detail ? disclosure("Detail", () => asWritten("Detail", JSON.stringify(reward.detail, null, 2))) : null,
  );
}

function leftOutOf(rows) {
  if (!rows?.length) return null;
  return el(
    "section",
    {},
    el("h2", {}, "Left out"),
    el(
      "ul",
      {},
      ...rows.map((row) =>
        el("li", {}, el("strong", {}, `${spoken(row.step)} `), `(${spoken(row.kind)}): ${row.said}`),
      ),
    ),
  );
}
