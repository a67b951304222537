/** RAVEL's progress events in words: {words, tone, starts, sections, whole, announce}. */

import { figure, shortened, spoken } from "./words.js";

const DOING = { outline: "Outlining", draft: "Drafting", review: "Reviewing", refine: "Refining", finish: "Finishing" };

/** Say what an event means, or null where it means nothing to a person. */
export function ravelTold(event) {
  return TOLD[event.kind]?.(event) ?? null;
}

const TOLD = {
  run: (event) => ({ words: `Begun: ${spoken(event.protocol)}${event.replay ? ", a replay" : ""}` }),
  resumed: () => ({ words: "Taken up again" }),
  step(event) {
    const what = `${DOING[event.operation] ?? spoken(event.operation)}${event.section ? ` ${event.section}` : ""}`;
    if (event.refused)
      return {
        words: `Refused: ${spoken(event.operation)} ${event.section ?? ""}: ${event.refused}`,
        tone: "warn",
      };
    return {
      words: event.thought ? `${what}: ${shortened(event.thought, 160)}` : what,
      starts: event.operation,
      announce: what,
    };
  },
  outline: (event) => ({
    words: `Outline: ${event.sections.length} sections, “${shortened(event.title, 90)}”`,
    whole: true,
    sections: Object.fromEntries(event.sections.map((one) => [one.id, one])),
    announce: `The outline is there: ${event.sections.length} sections`,
  }),
  text: (event) => ({
    words: `${event.section} has a text (${event.operation})`,
    sections: {
      [event.section]: { content: event.content, summary: event.summary, status: "drafted", score: null, feedback: "" },
    },
  }),
  review: (event) => ({
    words: `${event.section} scored ${figure(event.score, 1)}: ${spoken(event.status)}`,
    tone: event.status === "accepted" ? "good" : "warn",
    sections: {
      [event.section]: { score: event.score, feedback: event.feedback, findings: event.findings, status: event.status },
    },
    announce: `${event.section} scored ${figure(event.score, 1)}, ${spoken(event.status)}`,
  }),
  reopened: (event) => ({
    words: `${event.section} must be refined after all: ${shortened(event.feedback, 120)}`,
    tone: "warn",
    sections: { [event.section]: { status: "needs_revision" } },
  }),
  approved: (event) => ({
    words: `You approved ${event.what === "outline" ? "the outline" : event.what}`,
    tone: "good",
  }),
  retry: (event) => ({ words: `A call is tried again: ${shortened(event.why, 140)}`, tone: "warn" }),
  failed: (event) => ({ words: `A call failed: ${shortened(event.message, 200)}`, tone: "bad" }),
  gave_up: (event) => ({
    words: `${spoken(event.operation)} ${event.section ?? ""} came to nothing: ${shortened(event.message, 200)}`,
    tone: "bad",
  }),
  end: (event) => ({
    words: `Ended: ${spoken(event.end)}; ${event.because}`,
    tone: event.end.startsWith("finished") ? "good" : "warn",
    announce: `The run has ended: ${spoken(event.end)}`,
  }),
};
