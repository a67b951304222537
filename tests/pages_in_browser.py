"""A page in headless Chromium: how wide it gets in a window of some width, and what it tries to load."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_PROBE = """
<body><iframe id="page" style="width:{width}px;height:4000px;border:0" srcdoc="{page}"></iframe>
<script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const root = frame.contentDocument.documentElement;
  const wide = [...root.querySelectorAll("body *")].filter(
    one => one.getBoundingClientRect().right > {width} + 1 && !one.closest(".wide, pre, table, svg")
  ).map(one => one.tagName + " " + one.textContent.slice(0, 40));
  const loaded = frame.contentWindow.performance.getEntriesByType("resource").map(one => one.name);
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify({{scroll: root.scrollWidth, wide, loaded}});
  document.body.append(out);
}};
</script></body>
"""


def layout(page: str, width: int, folder: Path) -> dict[str, object]:
    """Return `scroll` (the page's width in pixels), `wide` (what stands out) and `loaded`; skips without Chromium."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here")
    path = folder / f"probe-{width}.html"
    path.write_text(_PROBE.format(width=width, page=html.escape(page, quote=True)), encoding="utf-8")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom",
         f"--user-data-dir={folder / 'profile'}", path.as_uri()],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    if found is None:
        pytest.skip(f"Chromium shows no page here: {done.stderr[-300:]}")
    return dict(json.loads(html.unescape(found[1])))
