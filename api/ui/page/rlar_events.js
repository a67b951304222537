/** RLAR's progress events in words: {words, tone, starts, only, announce}. */

import { counted, shortened, spoken } from "./words.js";

const NAMES = {
  name_task: "Naming the task",
  recall: "Looking in the library",
  name_prompts: "Naming prompts that no tool fits",
  scout: "Searching the Hub",
  evaluate_candidates: "Evaluating candidates",
  write_verifier: "Writing a verifier",
  check_verifier: "Checking the verifier",
  repair_verifier: "Repairing the verifier",
  evaluate_judge: "Trying a judge",
  decide: "Deciding on the evidence",
  adopt: "Writing down what was decided",
};

/** Say what an event means, or null where it means nothing to a person. */
export function rlarTold(event) {
  return TOLD[event.event]?.(event) ?? null;
}

const TOLD = {
  started: (event) => ({
    words: NAMES[event.step] ?? spoken(event.step),
    starts: event.step,
    only: true,
    announce: NAMES[event.step],
  }),
  named: (event) => ({ words: `The task is “${event.label}” (${event.how})` }),
  ended: (event) => ({ words: `${spoken(event.end)}: ${event.because}` }),
  queries: (event) => ({ words: `Queries: ${event.queries.join("; ")}` }),
  found: (event) => ({
    words: `Found ${counted(event.found, "repository", "repositories")}: ${event.usable} usable, ${event.refused} refused`,
  }),
  shortlist: (event) => ({ words: `Shortlist: ${event.picks.map((pick) => pick.repo).join(", ") || "none"}` }),
  evaluating: (event) => ({ words: `Evaluating ${event.repo}`, announce: `Evaluating ${event.repo}` }),
  written: (event) => ({
    words: `Written: ${counted(event.lines, "line")}, of ${counted(event.schemes.length, "scheme")}`,
  }),
  repaired: (event) => ({ words: `Repaired, attempt ${event.attempt}: ${counted(event.lines, "line")}` }),
  candidate: (event) => ({
    words: `${event.name} ${event.passed ? "passed" : "was refused"}: ${shortened(event.reasons.join("; "), 220)}`,
    tone: event.passed ? "good" : "warn",
    announce: `${event.name} ${event.passed ? "passed" : "was refused"}`,
  }),
  left_out: (event) => ({ words: `Left out: ${shortened(event.said, 220)}`, tone: "warn" }),
  tie: (event) => ({ words: `A tie was broken for ${event.name}: ${shortened(event.reasoning, 160)}` }),
  decided: (event) => ({
    words: event.chosen ? `Chosen: ${event.chosen}` : "Nothing was chosen",
    tone: event.chosen ? "good" : "warn",
  }),
  adopted: (event) => ({
    words: `Adopted ${event.tool}, version ${event.version.slice(0, 8)}`,
    tone: "good",
    announce: `Adopted ${event.tool}`,
  }),
};
