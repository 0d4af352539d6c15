// Ruling on a cluster by keys: digits tick, Enter keeps what is ticked, n tells all apart, j and k go on.
"use strict";

(() => {
  const form = document.getElementById("ruling");
  const boxes = [...form.querySelectorAll("input[name=keep]")];
  const press = (value) => form.querySelector(`button[name=action][value=${value}]`)?.click();
  const follow = (mark) => document.querySelector(mark)?.click();
  const table = {
    Enter: (event) => (event.target.closest("a, button, summary") ? false : press("keep")),
    n: () => press("apart"),
    j: () => follow("[data-following]"),
    k: () => follow("[data-previous]"),
  };
  boxes.slice(0, 10).forEach((box, at) => { table[String(at)] = () => { box.checked = !box.checked; box.focus({ preventScroll: true }); }; });
  studio.keys(table);
})();
