/** What the page asks the server: LangGraph's own API, and the adopted tools. Failures become `ServerError`, in words. */

import { events } from "./sse.js";

const BASE = new URL("../../", import.meta.url);
const STREAM_MODES = ["custom", "updates", "messages-tuple"];
const RETRIES = 5;

/** The server refused, or could not be reached. `status` is HTTP's, or 0. */
export class ServerError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.name = "ServerError";
    this.status = status;
  }
}

export const assistants = () => post("assistants/search", { limit: 200 });
export const schemas = (assistant) => get(`assistants/${assistant}/schemas`);
export const drawing = (assistant) => get(`assistants/${assistant}/graph`);
export const newThread = (metadata) => post("threads", { metadata });
export const thread = (id) => get(`threads/${id}`);
export const state = (id) => get(`threads/${id}/state`);
/** Checkpoints, the last first; of their values only those named; `before` says where to go on. */
export const history = (id, { limit = 200, values = [], before } = {}) => {
  const select = ["next", "tasks", "created_at", "checkpoint", ...values.map((one) => `values.${one}`)];
  return post(`threads/${id}/history`, { limit, select, before });
};
export const forget = (id) => send(`threads/${id}`, { method: "DELETE" });
export const runs = (id) => get(`threads/${id}/runs?limit=20`);
export const library = () => get("ui/library");
export const stop = (id, run) => post(`threads/${id}/runs/${run}/cancel?wait=0&action=interrupt`);

/** Threads, those changed last first, without what they hold. */
export function threads(limit, offset) {
  const select = ["thread_id", "created_at", "updated_at", "metadata", "status"];
  return post("threads/search", { limit, offset, sort_by: "updated_at", sort_order: "desc", select });
}

/** Begin a run on a thread; it goes on when the page is left. `what` has `input` or `command`, and `context`. */
export function begin(threadId, assistant, what) {
  const how = { stream_mode: STREAM_MODES, stream_resumable: true, on_disconnect: "continue" };
  return post(`threads/${threadId}/runs`, { assistant_id: assistant, multitask_strategy: "reject", ...how, ...what });
}

/**
 * Follow a run from its first event to its end; a lost connection is taken up where it was lost.
 * `heard(event, data)` is called for each event.
 */
export async function follow(threadId, run, heard, signal) {
  let last = "-1";
  for (let lost = 0; ;) {
    try {
      const reply = await send(`threads/${threadId}/runs/${run}/stream`, {
        headers: { "Last-Event-ID": last },
        signal,
      });
      for await (const one of events(reply.body)) {
        lost = 0;
        last = one.id || last;
        heard(one.event, one.data);
      }
      return;
    } catch (error) {
      lost += 1;
      if (signal.aborted || lost > RETRIES || error.status >= 400) throw error;
      await new Promise((done) => setTimeout(done, 300 * 2 ** lost));
    }
  }
}

async function get(path) {
  return (await send(path, {})).json();
}

async function post(path, body) {
  const reply = await send(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  const text = await reply.text();
  return text ? JSON.parse(text) : null;
}

async function send(path, options) {
  let reply;
  try {
    reply = await fetch(new URL(path, BASE), options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ServerError("The server does not answer: it has ended, or this machine can't reach it.");
  }
  if (!reply.ok) throw new ServerError(await complaint(reply), reply.status);
  return reply;
}

async function complaint(reply) {
  const text = await reply.text();
  let detail = text;
  try {
    const said = JSON.parse(text);
    detail = said.detail ?? said.message ?? text;
  } catch {
    // not JSON: as it is
  }
  const words = typeof detail === "string" ? detail : JSON.stringify(detail);
  return `The server refused (${reply.status}): ${words.slice(0, 800) || reply.statusText}`;
}
