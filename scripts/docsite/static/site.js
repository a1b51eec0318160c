// Live widgets stand in frames: each is as high as what is in it, and has the theme of the site.
(() => {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => {
    const set = document.body.dataset.theme;
    return set === "light" || set === "dark" ? set : media.matches ? "dark" : "light";
  };
  const frames = () => [...document.querySelectorAll("figure.live iframe")];
  const tell = (frame) => frame.contentWindow?.postMessage({ attnwidget: { theme: theme() } }, "*");
  const tellAll = () => frames().forEach(tell);

  addEventListener("message", ({ source, data }) => {
    const height = data?.attnwidget?.height;
    const frame = frames().find((one) => one.contentWindow === source);
    if (!frame || !(height > 0)) return;
    if (!frame.dataset.live) tell(frame);
    frame.dataset.live = "yes";
    frame.style.height = `${Math.min(height, 4000)}px`;
  });
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(tellAll).observe(document.body, { attributeFilter: ["data-theme"] });
    for (const frame of frames()) frame.addEventListener("load", () => tell(frame));
    // What scrolls sideways can be reached with the keyboard.
    for (const one of document.querySelectorAll("article pre, .table-wrapper, .output.table")) {
      if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
    }
  });
  media.addEventListener("change", tellAll);
  // From disk no page can be fetched, so a search shows titles only.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }
})();
