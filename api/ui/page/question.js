/** What a person is asked while a run waits: the question, what it is about, the answers that there are. */

import { asWritten, disclosure, el, fill, freshId, say } from "./elements.js";
import { outlineForm } from "./outline_form.js";
import { factsOf, sourceOf } from "./rlar_view.js";
import { sectionsForm } from "./sections_form.js";
import { spoken } from "./words.js";

/** Build the form of a question; `onAnswer` sends the answer. A question of an unknown form takes JSON. */
export function questionForm(asked, onAnswer) {
  const about = (FORMS[asked?.kind] ?? anyForm)(asked);
  const id = freshId("q");
  const wrong = el("p", { class: "wrong", role: "alert" }, "");
  const reason = el("input", { id: freshId("f"), type: "text", autocomplete: "off" });
  const answer = async (make) => {
    say(wrong, "");
    const { value, message } = make();
    if (message) return say(wrong, message);
    const buttons = [...node.querySelectorAll("button")];
    buttons.forEach((one) => (one.disabled = true));
    try {
      await onAnswer(value);
    } catch (error) {
      say(wrong, error.message);
      buttons.forEach((one) => (one.disabled = false));
    }
    return undefined;
  };
  const yes = el("button", { type: "button", class: "button go", click: () => answer(about.read) }, about.yes);
  const no = el(
    "button",
    {
      type: "button",
      class: "button",
      click: () => answer(() => ({ value: { approve: false, reason: reason.value.trim() } })),
    },
    about.no,
  );
  const node = el(
    "div",
    { class: "question", role: "group", "aria-labelledby": id },
    el("p", { class: "over" }, "The run waits for you"),
    el("h2", { id }, asked?.question ?? "What is your answer?"),
    asked?.problem ? el("p", { class: "wrong" }, `Your last answer could not be used: ${asked.problem}`) : null,
    about.node,
    el(
      "div",
      { class: "field" },
      el("label", { for: reason.id }, "Reason, if you refuse", el("span", { class: "optional" }, " optional")),
      reason,
    ),
    wrong,
    el("div", { class: "actions" }, yes, no),
  );
  return node;
}

function adoptionForm(asked) {
  const node = el(
    "div",
    {},
    el("p", {}, asked.task?.summary ?? ""),
    el("p", { class: "quiet" }, `${spoken(asked.tool_kind)}; right is: ${asked.task?.correct ?? ""}`),
    factsOf(asked.evidence),
    sourceOf(asked.recipe),
  );
  return { node, yes: "Adopt it", no: "Refuse", read: () => ({ value: { approve: true } }) };
}

/** A question of a kind that the page does not know: its answers are listed, and one is given as JSON. */
function anyForm(asked) {
  const control = el(
    "textarea",
    { id: freshId("f"), class: "code", rows: 4, spellcheck: "false" },
    JSON.stringify(asked?.answers?.[0]?.example ?? true),
  );
  const choices = (asked?.answers ?? []).map(({ means, example }) =>
    el("li", {}, `${means} `, el("code", {}, JSON.stringify(example))),
  );
  const node = el(
    "div",
    {},
    disclosure("What is asked, as JSON", () => asWritten("Question", JSON.stringify(asked, null, 2)), {
      open: true,
      className: "boxed",
    }),
    choices.length ? el("ul", {}, choices) : null,
    el("div", { class: "field" }, el("label", { for: control.id }, "Your answer, as JSON"), control),
  );
  const read = () => {
    try {
      return { value: JSON.parse(control.value) };
    } catch (error) {
      return { message: `The answer is no JSON: ${error.message}.` };
    }
  };
  return { node, yes: "Answer", no: "Refuse", read };
}

const FORMS = { outline: outlineForm, sections: sectionsForm, adoption: adoptionForm };
