/** Past runs, and those that go on: every thread of the server, those changed last first; what is not under way can be deleted. */

import { say } from "./announcing.js";
import { el, fill } from "./elements.js";
import * as server from "./server.js";
import { moment, standing } from "./words.js";

const PAGE = 30;

/** Show them. */
export async function runsView(main, { signal }) {
  const list = el("ul", { class: "runs" });
  const more = el("button", { type: "button", class: "button", hidden: true, click: () => next() }, "Show more");
  let offset = 0;
  const gone = (item) => {
    offset -= 1;
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (neighbour) neighbour.querySelector("a").focus();
    else if (more.hidden) nothing(main);
    else next();
  };
  const next = async () => {
    const found = await server.threads(PAGE, offset);
    if (signal.aborted) return;
    const first = offset === 0;
    offset += found.length;
    list.append(...found.map((one) => line(one, gone)));
    more.hidden = found.length < PAGE;
    if (first && !found.length) nothing(main);
  };
  fill(main, heading(), list, more);
  await next();
}

const heading = () => el("h1", { tabindex: "-1" }, "Runs");

function nothing(main) {
  fill(
    main,
    heading(),
    el("p", { class: "quiet" }, "There are no runs. ", el("a", { href: "#/new" }, "Begin one.")),
  );
  main.querySelector("h1").focus();
}

function line(thread, gone) {
  const { graph_id: graph, title, assistant } = thread.metadata ?? {};
  const { words, tone } = standing(thread.status);
  const about = [graph?.toUpperCase(), assistant === "default" ? "" : assistant, moment(thread.updated_at)]
    .filter(Boolean)
    .join(" · ");
  const name = title ?? "A run without a title";
  const item = el("li");
  const underWay = thread.status === "busy";
  return fill(
    item,
    el("a", { href: `#/run/${thread.thread_id}` }, name),
    el("span", { class: `pill ${tone}` }, words),
    el(
      "div",
      { class: "beneath" },
      el("p", { class: "quiet" }, about),
      underWay ? null : deleting(thread.thread_id, name, () => gone(item)),
    ),
  );
}

/** What deletes a run, after it was asked for twice. */
function deleting(id, name, gone) {
  const place = el("div", { class: "deleting" });
  const begin = button("Delete", `Delete the run “${name}”`, () => {
    fill(place, el("span", { class: "quiet" }, "With all that it wrote?"), sure, keep);
    keep.focus();
  });
  const keep = button("Keep it", null, () => {
    fill(place, begin);
    begin.focus();
  });
  const sure = button("Delete it", null, async () => {
    sure.disabled = keep.disabled = true;
    try {
      await server.forget(id);
    } catch (error) {
      sure.disabled = keep.disabled = false;
      fill(place, el("span", { class: "wrong", role: "alert" }, error.message), begin);
      return;
    }
    say(`Deleted: ${name}`);
    gone();
  });
  return fill(place, begin);
}

const button = (words, label, click) =>
  el("button", { type: "button", class: "button small plain", "aria-label": label, click }, words);
