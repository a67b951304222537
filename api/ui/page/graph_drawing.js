/**
 * A graph as a picture: its nodes in layers, where it is, and where it has been.
 *
 * Layers are longest ways from the start without going back; a layer that is too wide takes several rows. The picture
 * is hidden from screen readers: the same is said in words beside it.
 */

import { svg } from "./elements.js";
import { spoken } from "./words.js";

const NODE = { width: 118, height: 30, gapX: 8, gapY: 26 };
const PER_ROW = 3;
const ENDS = new Set(["__start__", "__end__"]);

/** Draw it; `show(active, visits)` marks nodes at work and how often each has run. */
export function graphDrawing(drawing) {
  const places = placed(drawing);
  const width = PER_ROW * (NODE.width + NODE.gapX) - NODE.gapX + 16;
  const height = Math.max(...[...places.values()].map((at) => at.y)) + NODE.height / 2 + 8;
  const edges = drawn(drawing, places);
  const nodes = new Map([...places].map(([name, at]) => [name, nodeAt(name, at)]));
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "graph", "aria-hidden": "true", focusable: "false" },
    edges,
    [...nodes.values()].map((one) => one.group),
  );
  return {
    node: picture,
    show(active, visits) {
      for (const [name, { group, times }] of nodes) {
        const ran = visits.get(name) ?? 0;
        group.setAttribute("class", `node${active.has(name) ? " active" : ""}${ran ? " done" : ""}`);
        const words = ran > 1 ? `×${ran}` : "";
        if (times.textContent !== words) times.textContent = words;
      }
    },
  };
}

function nodeAt(name, { x, y }) {
  const times = svg("text", {
    class: "times",
    x: x + NODE.width / 2 - 4,
    y: y - NODE.height / 2 - 3,
    "text-anchor": "end",
  });
  const box = svg("rect", {
    x: x - NODE.width / 2,
    y: y - NODE.height / 2,
    width: NODE.width,
    height: NODE.height,
    rx: 7,
  });
  const label = svg("text", { x, y: y + 4, "text-anchor": "middle" }, spoken(name));
  return { group: svg("g", { class: "node" }, box, label, times), times };
}

function drawn(drawing, places) {
  const known = new Set();
  return drawing.edges.flatMap(({ source, target, conditional }) => {
    const pair = [source, target].sort().join(" ");
    if (!places.has(source) || !places.has(target) || source === target || known.has(pair)) return [];
    known.add(pair);
    return [
      svg("path", { class: conditional ? "edge maybe" : "edge", d: curve(places.get(source), places.get(target)) }),
    ];
  });
}

function curve(a, b) {
  if (a.y === b.y) return `M${a.x} ${a.y} H${b.x}`;
  const down = b.y > a.y ? 1 : -1;
  const [fromY, toY] = [a.y + (down * NODE.height) / 2, b.y - (down * NODE.height) / 2];
  const middle = (fromY + toY) / 2;
  return `M${a.x} ${fromY} C${a.x} ${middle} ${b.x} ${middle} ${b.x} ${toY}`;
}

/** Give each node its middle; start and end are not drawn. */
function placed(drawing) {
  const layers = layersOf(drawing);
  const places = new Map();
  let y = NODE.height / 2 + 14;
  for (const layer of layers) {
    for (let at = 0; at < layer.length; at += PER_ROW) {
      const row = layer.slice(at, at + PER_ROW);
      const left = ((PER_ROW - row.length) * (NODE.width + NODE.gapX)) / 2 + NODE.width / 2 + 8;
      row.forEach((name, i) => places.set(name, { x: left + i * (NODE.width + NODE.gapX), y }));
      y += NODE.height + NODE.gapY;
    }
  }
  return places;
}

function layersOf(drawing) {
  const ahead = forwardEdges(drawing);
  const depth = new Map();
  const visit = (name, at) => {
    if (at <= (depth.get(name) ?? -1)) return;
    depth.set(name, at);
    for (const target of ahead.get(name) ?? []) visit(target, at + 1);
  };
  visit("__start__", 0);
  const layers = [];
  for (const { id } of drawing.nodes) {
    if (ENDS.has(id)) continue;
    const at = depth.get(id) ?? 0;
    (layers[at] ??= []).push(id);
  }
  return layers.filter(Boolean);
}

/** Leave out the edges that go back, found by a walk from the start. */
function forwardEdges(drawing) {
  const out = new Map(drawing.nodes.map(({ id }) => [id, []]));
  for (const { source, target } of drawing.edges) out.get(source)?.push(target);
  const [ahead, state] = [new Map(), new Map()];
  const walk = (name) => {
    state.set(name, "open");
    const kept = [];
    for (const target of out.get(name) ?? []) {
      if (state.get(target) === "open") continue;
      kept.push(target);
      if (!state.has(target)) walk(target);
    }
    ahead.set(name, kept);
    state.set(name, "closed");
  };
  walk("__start__");
  return ahead;
}
