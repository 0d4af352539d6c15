// Runs before the first paint, so that a stored choice never flashes: colour theme and rail width.
// Kept per browser in localStorage; "system" (or nothing stored) follows prefers-color-scheme.
(function () {
  try {
    const theme = localStorage.getItem("studio-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    if (localStorage.getItem("studio-rail") === "narrow") document.documentElement.dataset.rail = "narrow";
  } catch { /* storage is refused: the system's theme it is */ }
  document.documentElement.dataset.script = "on";
})();
