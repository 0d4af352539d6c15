// The workbench's handle: while it is dragged, bars and line follow at once; the numbers come from the studio when it rests.
// Without it the form works with its button.
"use strict";

(() => {
  const form = document.querySelector("[data-handle]");
  if (!form) return;
  const range = form.querySelector("input[type=range]");
  const picture = form.querySelector("svg[data-low]");
  const line = picture.querySelector("[data-line]");
  const bars = [...picture.querySelectorAll("[data-middle]")].map((bar) => ({ bar, middle: Number(bar.dataset.middle) }));
  const low = Number(picture.dataset.low);
  const high = Number(picture.dataset.high);
  const says = form.querySelector("[data-handle-says]");
  const places = (range.step.split(".")[1] || "").length;

  const show = () => {
    const value = Number(range.value);
    const x = String((1000 * (value - low)) / (high - low));
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    for (const { bar, middle } of bars) bar.classList.toggle("is-kept", middle >= value);
    says.textContent = value.toFixed(places);
  };

  form.querySelector("[data-without-script]").hidden = true;
  range.addEventListener("input", show);
  show();
})();
