/** Rows of a file that a person opens: JSON lines, or one JSON array. It is read here and goes to this server only. */

const MOST_BYTES = 64 * 2 ** 20;

/** Return the rows. Throws an Error that names the file, the line and what is wrong. */
export async function rowsOf(file) {
  if (file.size > MOST_BYTES)
    throw new Error(
      `${file.name} has ${Math.round(file.size / 2 ** 20)} MB; at most 64 are read here. Use the command line for more.`,
    );
  return parsedRows(await file.text(), file.name);
}

/** Read JSON lines, or an array. */
export function parsedRows(text, name) {
  const rows = text.trimStart().startsWith("[") ? arrayOf(text, name) : linesOf(text, name);
  if (!rows.length) throw new Error(`${name} holds no rows.`);
  const odd = rows.findIndex((row) => row === null || typeof row !== "object" || Array.isArray(row));
  if (odd >= 0) throw new Error(`${name}, row ${odd + 1}: a row must be a JSON object.`);
  return rows;
}

function arrayOf(text, name) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is no JSON: ${error.message}.`);
  }
}

function linesOf(text, name) {
  const rows = [];
  text.split("\n").forEach((line, i) => {
    if (!line.trim()) return;
    try {
      rows.push(JSON.parse(line));
    } catch (error) {
      throw new Error(`${name}, line ${i + 1} is no JSON: ${error.message}.`);
    }
  });
  return rows;
}
