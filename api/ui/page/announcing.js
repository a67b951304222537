/** What a screen reader is told while a run goes on: politely, and seldom; of several things in a while, the last. */

const PAUSE_MS = 2500;
let waiting = null;
let next = "";
let saidAt = 0;

/** Tell it, at once if nothing was told lately. */
export function say(words) {
  next = words;
  if (waiting !== null) return;
  waiting = setTimeout(tell, Math.max(0, saidAt + PAUSE_MS - Date.now()));
}

function tell() {
  waiting = null;
  saidAt = Date.now();
  const place = document.getElementById("said");
  if (place.textContent !== next) place.textContent = next;
}
