// Tables that are wider than the window can be scrolled by keyboard (WCAG 2.1.1); the theme wraps them when the page is there
function reachable() {
  for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap"))
    wrap.toggleAttribute("tabindex", wrap.scrollWidth > wrap.clientWidth) && wrap.setAttribute("tabindex", "0");
}
new MutationObserver(reachable).observe(document.body, { childList: true, subtree: true });
window.addEventListener("resize", reachable);
reachable();
