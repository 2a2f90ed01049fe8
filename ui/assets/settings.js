// The settings, which the browser remembers: the theme. This script runs in the head, so that the first paint has it.

(() => {
  const CHOSEN = "sanad/theme";
  const root = document.documentElement;
  const settings = () => document.getElementById("sanad-settings");
  const isOpen = () => settings()?.matches(":popover-open");

  function setTheme(theme) {
    if (["light", "dark"].includes(theme)) root.dataset.theme = theme;
    else delete root.dataset.theme; // as the system
  }

  try {
    setTheme(localStorage.getItem(CHOSEN));
  } catch {} // a browser without storage has the system's theme
  document.addEventListener("DOMContentLoaded", () => {
    settings().elements.namedItem("theme").value = root.dataset.theme ?? "";
  });
  document.addEventListener("change", ({ target }) => {
    if (target.form !== settings()) return;
    setTheme(target.value);
    sanad.write(CHOSEN, target.value);
  });

  // The browser closes the settings at Escape, which then means nothing else, and at a click elsewhere.
  document.addEventListener("keydown", (event) => event.key === "Escape" && isOpen() && event.stopPropagation(), true);
  document.addEventListener("focusin", ({ target }) => {
    if (isOpen() && !target.closest("#sanad-settings, #sanad-show-settings")) settings().hidePopover();
  });
})();
