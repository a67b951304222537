/**
 * What is known of a run while it is followed: its steps, which nodes are at work, what is being written.
 *
 * Steps and nodes come from progress events, tokens from the models' messages. The state itself is asked of the server
 * whenever a node has finished, so that nothing here has to know how states are joined.
 */

import { content } from "./words.js";

const LONGEST_SHOWN = 900; // characters of a reply that is being written; its end is shown
const NO_NODES = new Set(["__start__", "__end__"]);

/** Follow one graph. `tell(event)` returns what a progress event means, see `ravel_events.js`. */
export class Live {
  constructor(drawing, tell) {
    this.tell = tell;
    this.steps = []; // {words, tone}
    this.visits = new Map(); // node -> how often it finished
    this.active = new Map(); // node -> how many of it are at work
    this.writing = new Map(); // stream -> {node, section, text}
    this.sections = new Map(); // RAVEL's sections as events told them, by id
    this.error = null;
    this.next = nextOf(drawing);
  }

  /** Take in one event of the server's stream; return what a screen reader may be told, or null. */
  hear(event, data) {
    const kind = event.split("|")[0];
    if (kind === "custom") return this.progress(data);
    if (kind === "updates") return this.finished(data);
    if (kind === "messages") return this.token(data);
    if (kind === "error") this.error = data;
    return null;
  }

  progress(data) {
    const told = this.tell(data);
    if (!told) return null;
    if (told.words) this.steps.push({ words: told.words, tone: told.tone ?? "" });
    if (told.starts) this.active.set(told.starts, told.only ? 1 : (this.active.get(told.starts) ?? 0) + 1);
    if (told.whole) this.sections.clear();
    if (told.sections)
      for (const [id, patch] of Object.entries(told.sections))
        this.sections.set(id, { ...this.sections.get(id), ...patch });
    return told.announce ?? null;
  }

  finished(data) {
    for (const node of Object.keys(data ?? {})) {
      if (node === "__interrupt__") {
        this.active.clear();
        continue;
      }
      this.visits.set(node, (this.visits.get(node) ?? 0) + 1);
      const left = (this.active.get(node) ?? 1) - 1;
      if (left > 0) this.active.set(node, left);
      else this.active.delete(node);
      if (left <= 0) for (const [stream, one] of this.writing) if (one.node === node) this.writing.delete(stream);
      const after = this.next.get(node);
      if (after && !NO_NODES.has(after) && !this.active.size) this.active.set(after, 1);
    }
    return null;
  }

  token([message, about]) {
    const text = content(message?.content);
    const stream = `${about?.langgraph_checkpoint_ns ?? about?.langgraph_node}/${message?.id}`;
    if (message?.chunk_position === "last" || message?.usage_metadata) {
      this.writing.delete(stream);
      return null;
    }
    if (!text) return null;
    const before = this.writing.get(stream);
    const whole = message.type === "AIMessageChunk" ? (before?.text ?? "") + text : text;
    this.writing.set(stream, {
      node: about?.langgraph_node,
      section: about?.section || null,
      text: whole.slice(-LONGEST_SHOWN),
    });
    if (about?.langgraph_node && !this.active.has(about.langgraph_node)) this.active.set(about.langgraph_node, 1);
    return null;
  }

  /** Count where a run has been that is opened again, by its checkpoints. */
  visited(states) {
    if (this.visits.size) return;
    for (const state of states.slice(1))
      for (const node of state.next ?? []) this.visits.set(node, (this.visits.get(node) ?? 0) + 1);
  }

  /** The run has ended: nothing is at work any more. */
  over() {
    this.active.clear();
    this.writing.clear();
    this.sections.clear();
  }
}

/** Return which node follows a node for certain. */
function nextOf(drawing) {
  const next = new Map();
  for (const node of drawing.nodes) {
    const out = drawing.edges.filter((edge) => edge.source === node.id);
    if (out.length === 1 && !out[0].conditional) next.set(node.id, out[0].target);
  }
  return next;
}
