/** A measured share with its interval, as a small picture and in words. */

import { el, svg } from "./elements.js";
import { count, figure } from "./words.js";

/** Draw one: {measure, value, low, high, n, unscored, data}. */
export function interval(fact) {
  const words = `${figure(fact.value)} (${figure(fact.low)} to ${figure(fact.high)})`;
  const more = [`n ${count(fact.n)}`, fact.unscored ? `${count(fact.unscored)} unscored` : ""]
    .filter(Boolean)
    .join(", ");
  return el(
    "li",
    { class: "fact" },
    el("span", { class: "measure" }, fact.measure),
    el("span", { class: "n" }, words),
    bar(fact) ?? el("span"),
    el("span", { class: "quiet" }, more),
  );
}

/** The least and most of a share are 0 and 1; a figure that is no share has no picture. */
function bar({ measure, value, low, high }) {
  if (measure.includes("milliseconds")) return null;
  if (![value, low, high].every((one) => one >= 0 && one <= 1)) return null;
  const x = (share) => 4 + share * 152;
  return svg(
    "svg",
    { class: "interval", viewBox: "0 0 160 12", "aria-hidden": "true", focusable: "false" },
    svg("path", { class: "axis", d: "M4 6 H156" }),
    svg("path", { class: "span", d: `M${x(low)} 6 H${Math.max(x(high), x(low) + 1)}` }),
    svg("rect", { class: "point", x: x(value) - 1.5, y: 1, width: 3, height: 10, rx: 1 }),
  );
}
