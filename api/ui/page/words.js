/** Figures, times and states in words. What is not known is a dash, never a zero. */

const NONE = "–";

/** A count with separators. */
export function count(n) {
  return Number.isFinite(n) ? Math.round(n).toLocaleString("en") : NONE;
}

/** "1 step", "3 steps". */
export function counted(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A figure with so many digits after the point. */
export function figure(value, digits = 3) {
  return Number.isFinite(value) ? value.toFixed(digits) : NONE;
}

/** US dollars; small amounts keep their digits. */
export function dollars(cost) {
  if (!Number.isFinite(cost)) return NONE;
  return cost === 0 ? "$0" : `$${cost.toFixed(cost < 1 ? 4 : 2)}`;
}

/** Seconds, as people say them. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NONE;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment in the reader's own time. */
export function moment(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return NONE;
  return at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** "needs_revision" as "needs revision". */
export function spoken(name) {
  return String(name ?? "").replaceAll("_", " ");
}

/** A text that begins with a capital letter. */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");
}

/** A text of one line that is not longer than so many characters. */
export function shortened(text, most = 80) {
  const line = String(text ?? "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** The beginning of a text, its lines kept. */
export function beginning(text, most) {
  return text.length > most ? `${text.slice(0, most).trimEnd()}…` : text;
}

/** The text of a prompt or completion: text as it is, messages one after the other. */
export function conversation(value) {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return value === null || value === undefined ? "" : JSON.stringify(value);
  return value.map((message) => `${message?.role ?? "message"}: ${content(message?.content)}`).join("\n\n");
}

/** The text of a message's content, which may come in parts. */
export function content(value) {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  return value.map((part) => (typeof part === "string" ? part : (part?.text ?? ""))).join("");
}

/** Any JSON value as text: text as it is, all else as JSON. */
export function plainly(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

/** How a thread stands: its words, and whether that is good, bad or neither. */
export function standing(status) {
  return (
    {
      busy: { words: "running", tone: "busy" },
      interrupted: { words: "waiting", tone: "warn" },
      error: { words: "failed", tone: "bad" },
      idle: { words: "ended", tone: "quiet" },
    }[status] ?? { words: spoken(status), tone: "quiet" }
  );
}

/** A message of Python's `repr` of an error, such as `InputError("words is -1")`, as {name, message}. */
export function errorOf(said) {
  const parts = /^([A-Za-z_]\w*)\(([\s\S]*)\)$/.exec(String(said).trim());
  if (!parts) return { name: "", message: String(said) };
  const quoted = /^(['"])([\s\S]*)\1,?$/.exec(parts[2].trim());
  const message = quoted ? quoted[2].replace(/\\(['"\\])/g, "$1").replaceAll("\\n", "\n") : parts[2];
  return { name: parts[1], message: message || parts[1] };
}
