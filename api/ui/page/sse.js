/** Server-sent events of a stream of bytes, as {event, data, id}; data is JSON. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const one = parsed(block);
        if (one) yield one;
      }
    }
    const one = parsed(rest);
    if (one) yield one;
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Read one event; comments and blank blocks, which keep a connection open, are none. */
export function parsed(block) {
  const found = { event: "message", data: "", id: "" };
  for (const line of block.split(/\r?\n/)) {
    const at = line.indexOf(":");
    if (at <= 0) continue;
    const name = line.slice(0, at);
    const value = line.slice(at + 1).replace(/^ /, "");
    if (name === "data") found.data += (found.data ? "\n" : "") + value;
    else if (name in found) found[name] = value;
  }
  return found.data ? { ...found, data: JSON.parse(found.data) } : null;
}
