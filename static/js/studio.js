// What every page shares: keys, theme, rail, menus, toasts, the help overlay. No page depends on it to work.
"use strict";

const studio = (window.studio = (() => {
  const root = document.documentElement;
  const remember = (name, value) => {
    try { localStorage.setItem(name, value); } catch { /* refused: it lasts for this page */ }
  };

  // -- Keys ----------------------------------------------------------------------------------
  // Single letters never fire while somebody types, holds a modifier, composes (IME) or has a dialog open.
  const bindings = new Map();
  const isTyping = (target) =>
    target instanceof Element &&
    (target.closest("textarea, select, [contenteditable]:not([contenteditable=false])") !== null ||
      (target.matches("input") && !["checkbox", "radio", "button", "submit", "range", "file"].includes(target.type)));
  const keys = (table) => Object.entries(table).forEach(([key, action]) => bindings.set(key, action));

  let going = 0; // when "g" was pressed; the next letter within 1.5 s is where to go
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && isTyping(event.target)) return event.target.blur();
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    going = 0;
    const action = bindings.get(event.key);
    if (!action || (event.repeat && !action.repeats)) return;
    if (action(event) !== false) event.preventDefault();
  });

  keys({
    g: () => { going = Date.now(); },
    "/": () => {
      const field = document.querySelector("[data-search]");
      if (!field) return false;
      field.focus();
      field.select();
    },
    "?": () => document.getElementById("keys-help")?.showModal(),
  });

  // -- Toast: one small, certain line ----------------------------------------------------------
  let hiding;
  const toast = (text, { error = false, action = null, label = "", seconds = 5 } = {}) => {
    const line = document.getElementById("toast");
    if (!line) return;
    clearTimeout(hiding);
    line.className = error ? "toast toast-error" : "toast";
    line.replaceChildren(document.createTextNode(text));
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", () => { line.replaceChildren(); action(); });
      line.append(button);
    }
    if (seconds) hiding = setTimeout(() => line.replaceChildren(), seconds * 1000);
  };

  // -- Theme and rail --------------------------------------------------------------------------
  const showTheme = () => {
    const now = root.dataset.theme || "system";
    document.querySelectorAll("[data-theme-choice]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === now)));
  };
  const setTheme = (choice) => {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
    remember("studio-theme", choice);
    showTheme();
  };
  const setRail = (narrow) => {
    if (narrow) root.dataset.rail = "narrow";
    else delete root.dataset.rail;
    remember("studio-rail", narrow ? "narrow" : "wide");
  };

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) setTheme(theme.dataset.themeChoice);
    if (event.target.closest("[data-rail-toggle]")) setRail(root.dataset.rail !== "narrow");
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    if (event.target instanceof HTMLDialogElement) event.target.close(); // a click on the backdrop
    document.querySelectorAll("details.drop[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => toast("Copied"));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.drop[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    });
  });

  // -- Forms ------------------------------------------------------------------------------------
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea")) {
      if (event.target.form && !event.defaultPrevented) event.target.form.requestSubmit();
    }
  });

  // -- The ring of running jobs refreshes itself; an open list stays open ---------------------------
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "jobs-ring") studio.jobsOpen = Boolean(document.querySelector("#jobs-menu:popover-open"));
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (studio.jobsOpen) document.getElementById("jobs-menu")?.showPopover();
    studio.jobsOpen = false;
  });

  // -- Requests that fail -----------------------------------------------------------------------
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    const why = { 403: "You may not do that here.", 404: "That is no longer there.", 429: "Too many requests; wait a moment." }[status];
    toast(why || `The studio answered with an error (${status}). Nothing was changed; try again.`, { error: true, seconds: 10 });
  });
  document.addEventListener("htmx:sendError", () =>
    toast("No connection to the studio. Nothing was changed; try again.", { error: true, seconds: 10 }));

  document.addEventListener("DOMContentLoaded", showTheme);
  if (document.readyState !== "loading") showTheme();
  return { keys, toast, isTyping, setTheme };
})());
