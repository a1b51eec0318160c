// Before the widget's code, in a page that stands in a frame of the site: it takes the site's theme, and tells its height.
(() => {
  if (parent === window) return;
  const root = document.documentElement;
  root.classList.add("framed");
  const style = document.createElement("style");
  style.textContent = ".framed body { padding: 0; max-width: none; background: transparent; } .framed figcaption { display: none; }";
  document.head.append(style);
  addEventListener("message", ({ source, data }) => {
    const theme = data?.attnwidget?.theme;
    if (source !== parent || (theme !== "light" && theme !== "dark")) return;
    root.dataset.theme = theme;
    root.style.colorScheme = theme;
  });
  const tell = () => parent.postMessage({ attnwidget: { height: Math.ceil(root.getBoundingClientRect().height) } }, "*");
  new ResizeObserver(tell).observe(root);
})();
