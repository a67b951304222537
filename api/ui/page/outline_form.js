/** An outline that waits for approval, as a form: what is not changed is approved as it is. */

import { el } from "./elements.js";
import { fieldFor } from "./fields.js";

const FIELD = {
  kind: "object",
  name: "outline",
  title: "Outline",
  description: "",
  required: true,
  bare: true,
  fields: [
    { kind: "text", name: "title", title: "Title", description: "", required: true, examples: [] },
    {
      kind: "list",
      name: "sections",
      title: "Sections",
      description: "",
      required: true,
      item: {
        kind: "object",
        name: "section",
        title: "Section",
        description: "",
        fields: [
          { kind: "text", name: "title", title: "Heading", description: "", required: true, examples: [] },
          {
            kind: "list",
            name: "points",
            title: "Points",
            description: "",
            item: { kind: "text", examples: [], description: "" },
          },
          { kind: "integer", name: "words", title: "Words", description: "", low: 1, examples: [] },
        ],
      },
    },
  ],
};

/** Build it. */
export function outlineForm(asked) {
  const given = {
    title: asked.title,
    sections: asked.sections.map(({ title, points, words }) => ({
      title,
      points: points ?? [],
      words: words ?? undefined,
    })),
  };
  const part = fieldFor(FIELD, "input");
  part.write(given);
  const before = JSON.stringify(part.read([]));
  const read = () => {
    const problems = [];
    const outline = part.read(problems);
    if (problems.length) return { message: problems.map(({ label, message }) => `${label}: ${message}`).join(" ") };
    return { value: JSON.stringify(outline) === before ? { approve: true } : { outline } };
  };
  const summary = el(
    "ol",
    { class: "outline" },
    ...asked.sections.map((one) =>
      el(
        "li",
        {},
        el("strong", {}, one.title),
        one.words ? el("span", { class: "quiet" }, ` ${one.words} words`) : null,
        el("ul", {}, ...(one.points ?? []).map((point) => el("li", {}, point))),
      ),
    ),
  );
  const edit = el("details", { class: "boxed" }, el("summary", {}, "Change it"), el("div", { class: "in" }, part.node));
  return {
    node: el("div", {}, el("p", {}, el("strong", {}, asked.title)), summary, edit),
    yes: "Approve",
    no: "Refuse",
    read,
  };
}
