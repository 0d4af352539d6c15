// The upload form: files can be dropped, are listed with their sizes, and show how far they are. Works without it.
"use strict";

(() => {
  const sized = (bytes) => {
    const units = ["bytes", "kB", "MB", "GB"];
    let unit = 0;
    for (; bytes >= 1000 && unit < 3; unit += 1) bytes /= 1000;
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  };

  const show = (input) => {
    const form = input.form;
    const files = [...input.files];
    const limit = Number(form.dataset.upload);
    const total = files.reduce((sum, file) => sum + file.size, 0);
    form.querySelector("[data-chosen]").replaceChildren(...files.slice(0, 12).map((file) => {
      const line = document.createElement("li");
      line.textContent = `${file.name}, ${sized(file.size)}`;
      return line;
    }), files.length > 12 ? `and ${files.length - 12} more` : "");
    input.setCustomValidity(total > limit ? `These are ${sized(total)}; one upload takes ${sized(limit)}.` : "");
    input.reportValidity();
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-drop] input[type=file]")) show(event.target);
  });
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const zone = event.target instanceof Element && event.target.closest("[data-drop]");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("is-over", name === "dragenter" || name === "dragover");
      if (name !== "drop" || !event.dataTransfer.files.length) return;
      const input = zone.querySelector("input[type=file]");
      input.files = event.dataTransfer.files;
      show(input);
    });
  }

  document.addEventListener("htmx:xhr:progress", (event) => {
    const bar = event.target.querySelector?.("progress");
    if (!bar || !event.detail.lengthComputable) return;
    bar.hidden = false;
    bar.value = (100 * event.detail.loaded) / event.detail.total;
  });
})();
