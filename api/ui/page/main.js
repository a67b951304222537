/** Which view is shown: the address after `#` says it. Every change of view moves the focus to its heading. */

import { say } from "./announcing.js";
import { el, fill } from "./elements.js";
import { libraryView } from "./library_view.js";
import { newView } from "./new_view.js";
import { runView } from "./run_view.js";
import { runsView } from "./runs_view.js";

const VIEWS = { new: newView, runs: runsView, run: runView, library: libraryView };
const TITLES = { new: "New run", runs: "Runs", run: "Run", library: "Tools" };

let leave = new AbortController();
let carried = null; // {input, context}: what "run again" hands to the form

function go(path, values = null) {
  carried = values;
  if (location.hash === `#${path}`) show();
  else location.hash = path;
}

async function show() {
  leave.abort();
  leave = new AbortController();
  const signal = leave.signal;
  const [, name = "new", what = ""] = location.hash.replace(/^#/, "").split("/");
  const view = VIEWS[name] ? name : "new";
  const [main, given] = [document.getElementById("main"), carried];
  carried = null;
  document.title = `${TITLES[view]} · Ravelar`;
  for (const link of document.querySelectorAll("nav a[data-view]")) {
    const here = link.dataset.view === view || (view === "run" && link.dataset.view === "runs");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const place = el("div", { class: `view view-${view}` });
  try {
    const shown = VIEWS[view](place, { chosen: what, given, go, signal });
    fill(main, place);
    await shown;
  } catch (error) {
    if (signal.aborted) return;
    fill(
      place,
      el("h1", { tabindex: "-1" }, TITLES[view]),
      el("p", { class: "notice bad", role: "alert" }, error.message),
    );
  }
  if (!signal.aborted) place.querySelector("h1")?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
window.addEventListener("hashchange", show);
window.addEventListener("error", (event) => say(`The page failed: ${event.message}`));
show();
