/** Sections that wait for approval: each is approved, changed by hand, or sent back with what is to be changed. */

import { el, fill, freshId, paragraphs } from "./elements.js";
import { figure, spoken } from "./words.js";

/** Build it. */
export function sectionsForm(asked) {
  const refines = JSON.stringify(asked.answers ?? "feedback").includes("feedback"); // a protocol may refine nothing
  const parts = asked.sections.map((one) => sectionPart(one, refines));
  const read = () => {
    const edits = {};
    for (const part of parts) {
      const { edit, message } = part.read();
      if (message) return { message };
      if (edit) edits[part.id] = edit;
    }
    return { value: Object.keys(edits).length ? { sections: edits } : { approve: true } };
  };
  return { node: el("div", {}, ...parts.map((part) => part.node)), yes: "Send", no: "Refuse the article", read };
}

function sectionPart(section, refines) {
  const text = el("textarea", { id: freshId("f"), rows: 8 });
  text.value = section.content ?? "";
  const wish = el("textarea", { id: freshId("f"), rows: 3 });
  const place = el("div", {});
  const name = freshId("what");
  let chosen = "approve";
  const inside = {
    approve: () => paragraphs(section.content),
    content: () => el("div", { class: "field" }, el("label", { for: text.id }, `Text of “${section.title}”`), text),
    feedback: () => [
      paragraphs(section.content),
      el("div", { class: "field" }, el("label", { for: wish.id }, `What is to be changed in “${section.title}”`), wish),
    ],
  };
  const choose = (what) => {
    chosen = what;
    fill(place, inside[what]());
  };
  const choice = (what, words) => {
    const id = freshId("a");
    return el(
      "span",
      { class: "flag" },
      el("input", { type: "radio", name, id, checked: what === "approve", change: () => choose(what) }),
      el("label", { for: id }, words),
    );
  };
  choose("approve");
  const score = section.score === null || section.score === undefined ? "" : `, scored ${figure(section.score, 1)}`;
  return {
    id: section.id,
    node: el(
      "fieldset",
      { class: "group" },
      el("legend", {}, `${section.title} (${spoken(section.status)}${score})`),
      el(
        "div",
        { class: "choices-in-line" },
        choice("approve", "It is right"),
        choice("content", "Change the text"),
        refines ? choice("feedback", "Send it back") : null,
      ),
      place,
    ),
    read() {
      if (chosen === "approve") return {};
      const said = (chosen === "content" ? text : wish).value.trim();
      return said ? { edit: { [chosen]: said } } : { message: `${section.title}: there is nothing in it yet.` };
    },
  };
}
