// Names for what Material leaves without one, and tables that can be scrolled by keyboard.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
  const name = () => {
    document.querySelectorAll(".md-code__nav").forEach((nav, n) => nav.setAttribute("aria-label", `Code ${n + 1}`));
    document.querySelectorAll(".md-typeset__scrollwrap").forEach((wrap) => {
      if (wrap.scrollWidth > wrap.clientWidth) wrap.tabIndex = 0;
    });
  };
  name();
  new MutationObserver(name).observe(document.querySelector("article"), { childList: true, subtree: true });
});
