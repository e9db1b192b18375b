// Runs before the first paint, so that the page never flashes in the other theme.
"use strict";

try {
  const kept = localStorage.getItem("mysqlproxy.theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
} catch {
  // A browser that keeps nothing shows what the system prefers.
}
