/** An article as it grows: its sections, each with its text, status, scores, review and earlier drafts. */

import { disclosure, el, fill, paragraphs, say } from "./elements.js";
import { textsOf } from "./history.js";
import { counted, figure, sentence, spoken } from "./words.js";

const TONES = { accepted: "good", needs_revision: "warn", drafted: "warn", pending: "quiet", budget_exhausted: "bad" };

/** Build the view of a run. */
export function ravelView(run) {
  const ending = el("div", {});
  const title = el("h2", { class: "article-title" });
  const progress = el("p", { class: "quiet" });
  const sections = el("div", { class: "sections" });
  const copyPlace = el("div", { class: "actions" });
  const cards = new Map();
  let state = { values: {} };

  const drawSections = (live) => {
    const values = state.values ?? {};
    const ids = live.sections.size > (values.order ?? []).length ? [...live.sections.keys()] : (values.order ?? []);
    const known = ids.map((id) => ({ id, ...values.sections?.[id], ...live.sections.get(id) }));
    for (const section of known) {
      if (!cards.has(section.id)) cards.set(section.id, sectionCard(run, section.id));
      cards.get(section.id).draw(section);
    }
    const nodes = ids.map((id) => cards.get(id).node);
    if (nodes.some((node, i) => sections.children[i] !== node) || sections.childElementCount !== nodes.length)
      fill(sections, nodes);
    const done = known.filter((one) => one.status === "accepted" || one.status === "budget_exhausted").length;
    say(progress, known.length ? `${done} of ${counted(known.length, "section")} closed` : "There is no outline yet.");
  };
  return {
    node: el("section", { class: "article", "aria-label": "Article" }, ending, title, progress, sections, copyPlace),
    draw(next, live) {
      state = next;
      const values = state.values ?? {};
      say(title, values.title ?? "");
      title.hidden = !values.title;
      fill(ending, endingOf(values, isReplay(run.context)));
      fill(copyPlace, values.article ? copyButton(values.article) : []);
      drawSections(live);
    },
    drawLive: drawSections,
  };
}

function endingOf(values, replayed) {
  const notes = [];
  if (values.end) {
    const good = values.end.startsWith("finished");
    notes.push(
      el(
        "p",
        { class: `notice ${good ? "good" : "warn"}` },
        el("strong", {}, `${sentence(spoken(values.end))}. `),
        values.because ? `${sentence(values.because)}.` : "",
      ),
    );
  }
  if (replayed)
    notes.unshift(
      el(
        "p",
        { class: "notice warn" },
        el("strong", {}, "A replay. "),
        "Its replies were written beforehand, whatever the brief says.",
      ),
    );
  if (values.refused)
    notes.push(el("p", { class: "quiet" }, `${counted(values.refused, "action")} of the planner refused.`));
  return notes;
}

/** Whether a model of the run only says what was written beforehand. */
const isReplay = (context) =>
  Object.values(context).some((value) => typeof value === "string" && value.startsWith("scripted:"));

function copyButton(article) {
  const said = el("span", { class: "quiet", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(article);
      say(said, "Copied as Markdown.");
    } catch {
      say(said, "The browser does not let the page copy.");
    }
  };
  return [el("button", { type: "button", class: "button small plain", click: copy }, "Copy the article"), said];
}

/** One section; it is changed in place, so that what is open stays open. */
function sectionCard(run, id) {
  const heading = el("h3", {}, "");
  const tag = el("span", { class: "tag" });
  const scores = el("span", { class: "scores" });
  const text = el("div", {});
  const points = el("ul", { class: "points" });
  const review = el("p", { class: "feedback" });
  const reviewBox = el("details", { class: "boxed" }, el("summary", {}, "Review"), el("div", { class: "in" }, review));
  const earlier = el("div", {});
  let seen = { content: null, drafts: 0 };
  return {
    node: el(
      "article",
      { class: "section", "aria-labelledby": `${id}-h` },
      el("div", { class: "section-head" }, ((heading.id = `${id}-h`), heading), tag, scores),
      points,
      text,
      reviewBox,
      earlier,
    ),
    draw(section) {
      say(heading, section.title || id);
      const status = section.status ?? "pending";
      say(tag, spoken(status));
      tag.className = `tag ${TONES[status] ?? ""}`;
      say(scores, scoreWords(section));
      if (section.content !== seen.content) {
        fill(text, section.content ? paragraphs(section.content) : []);
        fill(points, section.content ? [] : (section.points ?? []).map((one) => el("li", {}, one)));
        points.hidden = Boolean(section.content);
      }
      say(review, [section.feedback, ...(section.findings ?? [])].filter(Boolean).join("\n"));
      reviewBox.hidden = !review.textContent;
      const drafts = section.drafts ?? 0;
      if (drafts !== seen.drafts)
        fill(
          earlier,
          drafts > 1 ? disclosure(counted(drafts - 1, "earlier text"), () => earlierTexts(run.id, id)) : [],
        );
      seen = { content: section.content, drafts };
    },
  };
}

function scoreWords({ score, scores }) {
  const all = scores?.length ? scores : score === null || score === undefined ? [] : [score];
  if (!all.length) return "";
  return `score ${all.map((one) => figure(one, 1)).join(" → ")}${score === null ? ", not reviewed since" : ""}`;
}

function earlierTexts(threadId, id) {
  const place = el("div", {}, el("p", { class: "quiet" }, "Loading…"));
  textsOf(threadId, id)
    .then((texts) =>
      fill(
        place,
        texts
          .slice(0, -1)
          .map((one, i) =>
            el(
              "div",
              { class: "draft" },
              el(
                "p",
                { class: "over" },
                `Text ${i + 1}${one.score === null ? "" : `, scored ${figure(one.score, 1)}`}`,
              ),
              paragraphs(one.content),
            ),
          ),
      ),
    )
    .catch((error) => fill(place, el("p", { class: "wrong" }, error.message)));
  return place;
}
