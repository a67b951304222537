/** Past runs, and those that go on: every thread of the server, those changed last first. */

import { el, fill } from "./elements.js";
import * as server from "./server.js";
import { moment, standing } from "./words.js";

const PAGE = 30;

/** Show them. */
export async function runsView(main, { signal }) {
  const list = el("ul", { class: "runs" });
  const more = el("button", { type: "button", class: "button", hidden: true, click: () => next() }, "Show more");
  let offset = 0;
  const next = async () => {
    const found = await server.threads(PAGE, offset);
    if (signal.aborted) return;
    const first = offset === 0;
    offset += found.length;
    list.append(...found.map(line));
    more.hidden = found.length < PAGE;
    if (first && !found.length)
      fill(
        main,
        heading(),
        el("p", { class: "quiet" }, "There are no runs yet. ", el("a", { href: "#/new" }, "Begin one."), ""),
      );
  };
  fill(main, heading(), list, more);
  await next();
}

const heading = () => el("h1", { tabindex: "-1" }, "Runs");

function line(thread) {
  const { graph_id: graph, title, assistant } = thread.metadata ?? {};
  const { words, tone } = standing(thread.status);
  const about = [graph?.toUpperCase(), assistant === "default" ? "" : assistant, moment(thread.updated_at)]
    .filter(Boolean)
    .join(" · ");
  return el(
    "li",
    {},
    el("a", { href: `#/run/${thread.thread_id}` }, title ?? "A run without a title"),
    el("span", { class: `pill ${tone}` }, words),
    el("p", { class: "quiet" }, about),
  );
}
