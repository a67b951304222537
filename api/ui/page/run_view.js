/** One run: what was asked, where it is, what is being written, what came of it, and what a person must decide. */

import { say as announce } from "./announcing.js";
import { fill } from "./elements.js";
import { Live } from "./live.js";
import { ravelTold } from "./ravel_events.js";
import { ravelView } from "./ravel_view.js";
import { rlarTold } from "./rlar_events.js";
import { rlarView } from "./rlar_view.js";
import { runFrame } from "./run_frame.js";
import * as server from "./server.js";

const STATE_EVERY_MS = 700;
const TRIES = 10;
const KINDS = { ravel: { told: ravelTold, view: ravelView }, rlar: { told: rlarTold, view: rlarView } };

/** Show a thread's run, and follow it while it goes on. */
export async function runView(main, { chosen: id, go, signal }) {
  const [thread, runs] = await Promise.all([server.thread(id), server.runs(id)]);
  const graph = thread.metadata?.graph_id ?? "";
  const assistant = thread.metadata?.assistant_id ?? runs[0]?.assistant_id ?? graph;
  const run = {
    id,
    graph,
    assistant,
    context: runs[0]?.kwargs?.context ?? {},
    input: runs.at(-1)?.kwargs?.input ?? {},
    latest: runs[0] ?? null,
  };
  const drawing = await server.drawing(assistant);
  const live = new Live(drawing, KINDS[graph]?.told ?? (() => null));
  const shown = runFrame(run, KINDS[graph]?.view, thread, drawing, { onStop, onGoOn, onAgain });
  fill(main, ...shown.nodes);
  await refresh();
  if (isUnderWay(run.latest)) follow();
  else
    server.history(id, { limit: 1000 }).then(
      (states) => {
        live.visited(states);
        if (!signal.aborted) shown.drawLive(live);
      },
      () => {},
    );

  async function refresh() {
    const [state, now] = await Promise.all([server.state(id), server.thread(id)]);
    if (signal.aborted) return "";
    shown.draw(state, now.status, live);
    shown.ask(state, answer);
    return now.status;
  }
  async function follow() {
    const state = seldom(() => refresh().catch(() => {}));
    const frame = oncePerFrame(() => shown.drawLive(live));
    shown.ask(null, answer);
    shown.under("busy");
    const heard = (event, data) => {
      const words = live.hear(event, data);
      if (words) announce(words);
      if (event.startsWith("updates")) state.later();
      frame();
    };
    try {
      await server.follow(id, run.latest.run_id, heard, signal);
    } catch (error) {
      if (!signal.aborted) live.error = error;
    }
    state.never();
    if (!signal.aborted) await settle();
  }
  /** Show how it ended; the thread hears of that a little after its stream. */
  async function settle() {
    live.over();
    for (let tries = 0; tries < TRIES; tries += 1) {
      const status = await refresh().catch((error) => shown.fail(error.message));
      if (status !== "busy") break;
      await new Promise((done) => setTimeout(done, STATE_EVERY_MS / 2));
    }
    announce(shown.ending());
  }
  async function start(what) {
    live.error = null;
    shown.fail("");
    run.latest = await server.begin(id, run.assistant, { ...what, context: run.context });
    follow();
  }
  function answer(value) {
    return start({ command: { resume: value } });
  }
  async function onStop() {
    await server.stop(id, run.latest.run_id).catch((error) => shown.fail(error.message));
  }
  function onGoOn() {
    return start({ input: null }).catch((error) => shown.fail(error.message));
  }
  function onAgain() {
    go(`/new/${run.assistant}`, { input: run.input, context: run.context });
  }
}

const isUnderWay = (run) => run !== null && (run.status === "pending" || run.status === "running");

/** Do it a while after it was asked for, once for all that ask meanwhile. */
function seldom(act) {
  let due = null;
  const now = () => {
    due = null;
    act();
  };
  return { later: () => void (due ??= setTimeout(now, STATE_EVERY_MS)), never: () => clearTimeout(due) };
}

function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
