/** The adopted tools: what each is for, what was measured of it, how it is built, what was refused. Nothing changes here. */

import { disclosure, el, fill } from "./elements.js";
import { factsOf, sourceOf } from "./rlar_view.js";
import * as server from "./server.js";
import { counted, moment, spoken } from "./words.js";

/** Show them. */
export async function libraryView(main) {
  fill(main, el("h1", { tabindex: "-1" }, "Tools"), el("p", { class: "quiet" }, "Loading…"));
  const { place, tools } = await server.library();
  const words = tools.length
    ? `${counted(tools.length, "adopted reward tool")} in `
    : "No reward tool was adopted yet. The library is ";
  fill(
    main,
    el("h1", { tabindex: "-1" }, "Tools"),
    el("p", { class: "quiet break" }, words, el("code", {}, place)),
    el("div", { class: "cards" }, ...tools.map(card)),
  );
}

function card(tool) {
  if (tool.unreadable)
    return el("article", { class: "card" }, el("h2", {}, tool.name), el("p", { class: "wrong" }, tool.unreadable));
  const since = tool.since ? `in use since ${moment(tool.since * 1000)}` : "";
  const about = [
    spoken(tool.kind),
    `version ${tool.version.slice(0, 8)}`,
    since,
    counted(tool.held_out, "held-out probe"),
    tool.unscored ? `${tool.unscored} unscored` : "",
  ];
  return el(
    "article",
    { class: "card" },
    el("h2", {}, el("code", {}, tool.name)),
    el("p", {}, tool.summary),
    el("p", { class: "quiet" }, about.filter(Boolean).join(" · ")),
    el("p", {}, el("strong", {}, "Right is: "), tool.correct),
    factsOf(tool.evidence),
    sourceOf({ ...tool.recipe, ...(tool.source === null ? {} : { source: tool.source }) }),
    tool.refused.length
      ? disclosure(`${counted(tool.refused.length, "candidate")} refused`, () =>
          el(
            "ul",
            {},
            ...tool.refused.map((one) => el("li", {}, el("strong", {}, one.candidate), `: ${one.reasons.join("; ")}`)),
          ),
        )
      : null,
  );
}
