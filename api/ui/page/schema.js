/**
 * JSON schemas as the server gives them, read into what a person fills in.
 *
 * A field: {kind, title, description, nullable, initial, of?, options?, fields?, variants?, low?, high?}
 * kinds: text, number, integer, flag, choice, choices, list, object, json, variants
 */

import { sentence, spoken } from "./words.js";

/** Read a schema; `root` holds the definitions that it refers to. */
export function fieldOf(schema, root, name = "") {
  const { nullable, whole } = simplified(schema, root);
  const field = {
    name,
    title: whole.title ?? sentence(spoken(name)),
    description: firstParagraph(whole.description),
    nullable,
    initial: whole.default,
    examples: whole.examples ?? [],
    low: whole.minimum ?? whole.exclusiveMinimum,
    high: whole.maximum ?? whole.exclusiveMaximum,
    longest: whole.maxLength,
  };
  return { ...field, ...kindOf(whole, root) };
}

/** Return the fields of an object's schema, required ones marked, in the schema's order. */
export function fieldsOf(schema, root) {
  const { whole } = simplified(schema, root);
  const required = new Set(whole.required ?? []);
  return Object.entries(whole.properties ?? {}).map(([name, one]) => ({
    ...fieldOf(one, root, name),
    required: required.has(name),
  }));
}

function kindOf(whole, root) {
  if (whole.variants) return { kind: "variants", variants: whole.variants.map((one) => fieldOf(one, root)) };
  if (whole.enum || "const" in whole) return { kind: "choice", options: whole.enum ?? [whole.const] };
  switch (whole.type) {
    case "string":
      return { kind: "text" };
    case "integer":
    case "number":
      return { kind: whole.type };
    case "boolean":
      return { kind: "flag" };
    case "array":
      return arrayKind(whole, root);
    case "object":
      return whole.properties ? { kind: "object", fields: fieldsOf(whole, root) } : { kind: "json", form: "object" };
    default:
      return { kind: "json", form: "any" };
  }
}

function arrayKind(whole, root) {
  const item = fieldOf(whole.items ?? {}, root);
  if (item.kind === "choice") return { kind: "choices", options: item.options };
  if (item.kind === "text" || item.kind === "object") return { kind: "list", item };
  return { kind: "json", form: "array" };
}

/** Follow references, join what stands beside them, and take "or null" apart. */
function simplified(schema, root) {
  let whole = schema ?? {};
  for (let depth = 0; whole.$ref && depth < 20; depth += 1) {
    const { $ref, ...beside } = whole;
    whole = { ...found($ref, root), ...beside };
  }
  if (whole.allOf?.length === 1) {
    const { allOf, ...beside } = whole;
    return simplified({ ...allOf[0], ...beside }, root);
  }
  const choices = whole.anyOf ?? whole.oneOf;
  if (!choices) return { nullable: false, whole };
  const { anyOf, oneOf, ...beside } = whole;
  const real = choices.filter((one) => one.type !== "null");
  const nullable = real.length < choices.length;
  if (real.length !== 1) return { nullable, whole: { ...beside, variants: real } };
  const inner = simplified(real[0], root);
  return { nullable: nullable || inner.nullable, whole: { ...inner.whole, ...beside } };
}

function found(reference, root) {
  return (
    reference
      .replace(/^#\//, "")
      .split("/")
      .reduce((at, key) => at?.[key], root) ?? {}
  );
}

function firstParagraph(text) {
  return String(text ?? "")
    .split(/\n\s*\n/)[0]
    .replace(/\s+/g, " ")
    .trim();
}
