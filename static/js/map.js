// The map: points on a canvas, moved and zoomed, coloured by the legend's groups, cut out by a lasso.
// Which passages lie in an area is decided by the studio; the count shown here is made in the same arithmetic.
"use strict";

(() => {
  const layout = document.querySelector("[data-map]");
  if (!layout) return;
  const part = (name) => layout.querySelector(`[data-${name}]`);
  const canvas = layout.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const says = part("says");
  const card = part("card");
  const bar = part("selection");
  const SIDE = 65535;
  const MOST_CORNERS = 60;
  const CELLS = 96; // of the raster by which the point under the pointer is found
  const REACH = 14; // px
  const MOST_ZOOM = 80;

  let map = null; // { xs, ys, values, groups, regions, cells, starts }
  let view = { x: SIDE / 2, y: SIDE / 2, zoom: 1 };
  let size = { width: 0, height: 0, ratio: 1 };
  let colours = { points: [], dim: "", ink: "", soft: "", surface: "", accent: "" };
  let area = []; // corners [x, y] on the grid
  let drawing = null; // corners of a lasso while it is drawn, in px
  let lasso = false;
  let over = -1; // the point that the card is about
  let byKeys = false; // the cross in the middle is shown while keys move the map
  const cards = new Map();

  // -- Where things are ------------------------------------------------------------------------
  const scale = () => (Math.min(size.width, size.height) / SIDE) * view.zoom;
  const toScreen = (x, y) => [(x - view.x) * scale() + size.width / 2, size.height / 2 - (y - view.y) * scale()];
  const toGrid = (left, top) => [(left - size.width / 2) / scale() + view.x, (size.height / 2 - top) / scale() + view.y];
  const within = (value) => Math.min(SIDE, Math.max(0, value));

  const zoomBy = (factor, left = size.width / 2, top = size.height / 2) => {
    const [x, y] = toGrid(left, top);
    view.zoom = Math.min(MOST_ZOOM, Math.max(0.8, view.zoom * factor));
    const [movedX, movedY] = toGrid(left, top);
    view.x = within(view.x + x - movedX);
    view.y = within(view.y + y - movedY);
    paint();
  };
  const moveBy = (left, top) => {
    view.x = within(view.x - left / scale());
    view.y = within(view.y + top / scale());
    paint();
  };
  const showAll = () => { view = { x: SIDE / 2, y: SIDE / 2, zoom: 1 }; paint(); };

  // -- Points ----------------------------------------------------------------------------------
  const read = (buffer) => {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const places = new Uint16Array(buffer, 4 + length, 2 * header.count);
    const values = new Uint8Array(buffer, 4 + length + 4 * header.count, header.count);
    return { ...header, places, values, ...raster(places, values) };
  };

  // Points by the cell they lie in: starts[cell] to starts[cell + 1] in `cells`.
  const raster = (places, values) => {
    const count = values.length;
    const cell = (at) => Math.floor((places[2 * at] / (SIDE + 1)) * CELLS) + CELLS * Math.floor((places[2 * at + 1] / (SIDE + 1)) * CELLS);
    const starts = new Uint32Array(CELLS * CELLS + 1);
    for (let at = 0; at < count; at += 1) starts[cell(at) + 1] += 1;
    for (let at = 1; at < starts.length; at += 1) starts[at] += starts[at - 1];
    const next = starts.slice();
    const cells = new Uint32Array(count);
    for (let at = 0; at < count; at += 1) cells[next[cell(at)]++] = at;
    return { starts, cells };
  };

  const nearest = (left, top) => {
    if (!map) return -1;
    const [x, y] = toGrid(left, top);
    const reach = REACH / scale();
    const column = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor((value / (SIDE + 1)) * CELLS)));
    let best = -1;
    let least = reach * reach;
    for (let row = column(y - reach); row <= column(y + reach); row += 1) {
      for (let col = column(x - reach); col <= column(x + reach); col += 1) {
        for (let at = map.starts[row * CELLS + col]; at < map.starts[row * CELLS + col + 1]; at += 1) {
          const point = map.cells[at];
          const away = (map.places[2 * point] - x) ** 2 + (map.places[2 * point + 1] - y) ** 2;
          if (away < least && isShown(point)) [best, least] = [point, away];
        }
      }
    }
    return best;
  };
  const highlighted = new Set();
  const isShown = (point) => map.values[point] !== 255;
  const isBright = (point) => !highlighted.size || highlighted.has(map.values[point]);

  // -- Painting --------------------------------------------------------------------------------
  let asked = 0;
  const paint = () => { if (!asked) asked = requestAnimationFrame(() => { asked = 0; paintNow(); }); };

  const readColours = () => {
    const style = getComputedStyle(layout.querySelector(".map"));
    const resolved = (name) => { canvas.style.setProperty("color", `var(${name})`); return getComputedStyle(canvas).color; };
    colours = {
      points: [...layout.querySelectorAll("[data-group] .swatch")].map((swatch) => getComputedStyle(swatch).backgroundColor),
      dim: resolved("--line-2"), ink: resolved("--ink"), soft: resolved("--ink-2"), accent: resolved("--accent"), surface: style.backgroundColor,
    };
    canvas.style.removeProperty("color");
    sprites.clear();
  };

  const sprites = new Map();
  const sprite = (colour, radius) => {
    const key = `${colour} ${radius}`;
    if (!sprites.has(key)) {
      const dot = document.createElement("canvas");
      const half = Math.ceil(radius * size.ratio) + 1;
      dot.width = dot.height = 2 * half;
      const ink = dot.getContext("2d");
      ink.fillStyle = colour;
      ink.beginPath();
      ink.arc(half, half, radius * size.ratio, 0, 2 * Math.PI);
      ink.fill();
      sprites.set(key, dot);
    }
    return sprites.get(key);
  };

  const radius = () => {
    const least = map.count > 20000 ? 1.1 : map.count > 6000 ? 1.5 : map.count > 1500 ? 2.1 : 3;
    return Math.round(10 * Math.min(5.5, least * (1 + 0.55 * Math.log2(Math.max(1, view.zoom))))) / 10;
  };

  const paintPoints = (bright, alpha, colourOf) => {
    const r = radius();
    const step = scale() * size.ratio;
    const left = (size.width / 2) * size.ratio - view.x * step;
    const top = (size.height / 2) * size.ratio + view.y * step;
    const [width, height, edge] = [size.width * size.ratio, size.height * size.ratio, 8 * size.ratio];
    const dots = colourOf.map((colour) => sprite(colour, r));
    const half = dots.length ? dots[0].width / 2 : 0;
    pen.globalAlpha = alpha;
    for (let at = 0; at < map.count; at += 1) {
      const value = map.values[at];
      if (value === 255 || isBright(at) !== bright) continue;
      const x = left + map.places[2 * at] * step;
      const y = top - map.places[2 * at + 1] * step;
      if (x > -edge && y > -edge && x < width + edge && y < height + edge) pen.drawImage(dots[value], x - half, y - half);
    }
    pen.globalAlpha = 1;
  };

  const paintNow = () => {
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!map) return;
    if (highlighted.size) paintPoints(false, 0.5, colours.points.map(() => colours.dim));
    paintPoints(true, map.count > 6000 ? 0.7 : 0.8, colours.points);
    pen.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    paintNames();
    paintArea();
    if (over >= 0) paintRing(over);
    if (byKeys) paintCross();
    canvas.dataset.zoom = view.zoom.toFixed(2);
  };

  const paintNames = () => {
    const taken = [[0, 0, 56, 216]]; // the tools
    const family = getComputedStyle(document.body).fontFamily;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    for (const region of map.regions) {
      if (region.level && view.zoom < 2) continue;
      const [x, y] = toScreen(region.x, region.y);
      if (x < 0 || y < 0 || x > size.width || y > size.height) continue;
      const text = region.words.join(" · ");
      const large = region.level === 0;
      pen.font = `${large ? 600 : 500} 12px ${family}`;
      const half = pen.measureText(text).width / 2 + 6;
      const middle = Math.min(size.width - half, Math.max(half, x));
      const box = [middle - half, y - 10, middle + half, y + 10];
      if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) continue;
      taken.push(box);
      pen.globalAlpha = 0.75;
      pen.lineWidth = 4;
      pen.strokeStyle = colours.surface;
      pen.strokeText(text, middle, y);
      pen.globalAlpha = 0.9;
      pen.fillStyle = large ? colours.ink : colours.soft;
      pen.fillText(text, middle, y);
      pen.globalAlpha = 1;
    }
  };

  const paintArea = () => {
    const corners = drawing || area.map(([x, y]) => toScreen(x, y));
    if (corners.length < 2) return;
    pen.beginPath();
    corners.forEach(([x, y]) => pen.lineTo(x, y));
    if (!drawing) pen.closePath();
    pen.fillStyle = pen.strokeStyle = colours.accent;
    pen.globalAlpha = 0.1;
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    pen.setLineDash(drawing ? [5, 4] : []);
    pen.stroke();
    pen.setLineDash([]);
  };

  const paintRing = (point) => {
    const [x, y] = toScreen(map.places[2 * point], map.places[2 * point + 1]);
    pen.beginPath();
    pen.arc(x, y, radius() + 4, 0, 2 * Math.PI);
    pen.lineWidth = 2;
    pen.strokeStyle = colours.ink;
    pen.stroke();
  };

  const paintCross = () => {
    const [x, y] = [size.width / 2, size.height / 2];
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(x + 6 * dx, y + 6 * dy);
      pen.lineTo(x + 14 * dx, y + 14 * dy);
    }
    pen.lineWidth = 1.5;
    pen.strokeStyle = colours.soft;
    pen.stroke();
  };

  const resize = () => {
    const box = canvas.getBoundingClientRect();
    size = { width: box.width, height: box.height, ratio: window.devicePixelRatio || 1 };
    canvas.width = Math.round(box.width * size.ratio);
    canvas.height = Math.round(box.height * size.ratio);
    sprites.clear();
    paintNow();
  };

  // -- The card of a point -----------------------------------------------------------------------
  let waiting;
  const look = (point, { delay = 70, fleeting = false } = {}) => {
    if (point === over) return;
    card.classList.toggle("is-fleeting", fleeting); // under a mouse it is in nobody's way: a click on the point opens the passage
    over = point;
    paint();
    clearTimeout(waiting);
    if (point < 0) { card.hidden = true; return; }
    waiting = setTimeout(() => show(point), delay);
  };
  const show = async (point) => {
    const text = await cardOf(point);
    if (point !== over || !text) return;
    card.innerHTML = text; // a part of our own, escaped by the studio
    card.classList.toggle("is-left", toScreen(map.places[2 * point], 0)[0] > size.width / 2);
    card.hidden = false;
  };
  const cardOf = async (point) => {
    if (!cards.has(point)) {
      const address = new URL(document.getElementById("legend").dataset.points, location.href).pathname;
      const answer = await fetch(`${address}/${point}`).catch(() => null);
      if (!answer || !answer.ok) return "";
      cards.set(point, await answer.text());
    }
    return cards.get(point);
  };
  const open = async (point) => {
    over = point;
    await show(point);
    card.querySelector("[data-open]")?.click();
  };

  // -- The selection ----------------------------------------------------------------------------
  const holds = (corners, x, y) => {
    let inside = false;
    for (let at = 0, before = corners.length - 1; at < corners.length; before = at, at += 1) {
      const [x1, y1] = corners[at];
      const [x2, y2] = corners[before];
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
    }
    return inside;
  };
  // Douglas and Peucker, ever coarser until an address can hold it.
  const thinned = (corners, tolerance) => {
    if (corners.length < 3) return corners;
    const [first, last] = [corners[0], corners[corners.length - 1]];
    const [dx, dy] = [last[0] - first[0], last[1] - first[1]];
    const length = Math.hypot(dx, dy);
    let [far, away] = [0, 0];
    for (let at = 1; at < corners.length - 1; at += 1) {
      const [px, py] = [corners[at][0] - first[0], corners[at][1] - first[1]];
      const distance = length ? Math.abs(dx * py - dy * px) / length : Math.hypot(px, py);
      if (distance > away) [far, away] = [at, distance];
    }
    if (away <= tolerance) return [first, last];
    return [...thinned(corners.slice(0, far + 1), tolerance).slice(0, -1), ...thinned(corners.slice(far), tolerance)];
  };
  const simple = (corners) => {
    let tolerance = 1;
    let found = thinned(corners, tolerance);
    while (found.length > MOST_CORNERS) found = thinned(corners, (tolerance *= 1.4));
    return found;
  };
  const written = () => `${layout.dataset.map}.${area.flat().map((value) => value.toString(16).padStart(4, "0")).join("")}`;

  const select = (corners) => {
    area = corners.map(([x, y]) => [Math.round(within(x)), Math.round(within(y))]);
    const few = new Set(area.map(String)).size < 3;
    let [count, bright] = [0, 0];
    for (let at = 0; !few && at < map.count; at += 1) {
      if (!isShown(at) || !holds(area, map.places[2 * at], map.places[2 * at + 1])) continue;
      count += 1;
      bright += isBright(at);
    }
    if (!count) { clear(); says.textContent = few ? "" : "No passage lies in there."; setTimeout(() => { says.textContent = ""; }, 2500); return; }
    part("selected").textContent = `${count.toLocaleString("en")} passage${count === 1 ? "" : "s"}`;
    part("selected-note").textContent = highlighted.size ? `${bright.toLocaleString("en")} of them highlighted` : "";
    part("show").href = `${layout.dataset.list}?area=${written()}`;
    if (part("make-queue")) part("make-queue").href = `${layout.dataset.queue}?area=${written()}`;
    bar.hidden = false;
    paint();
  };
  const clear = () => { area = []; drawing = null; bar.hidden = true; setLasso(false); paint(); };
  const setLasso = (on) => {
    lasso = on;
    if (on) look(-1);
    canvas.classList.toggle("is-lasso", on);
    part("lasso").setAttribute("aria-pressed", String(on));
  };
  const selectView = () => {
    const [left, top] = toGrid(0, 0);
    const [right, bottom] = toGrid(size.width, size.height);
    select([[left, top], [right, top], [right, bottom], [left, bottom]]);
  };
  // A selection that an address brought: of this map only.
  const restore = () => {
    const [of, corners] = (new URLSearchParams(location.search).get("area") || "").split(".");
    if (of !== layout.dataset.map || !/^([0-9a-f]{8}){3,60}$/.test(corners || "")) return;
    const numbers = corners.match(/.{4}/g).map((digits) => parseInt(digits, 16));
    select(Array.from({ length: numbers.length / 2 }, (_, at) => [numbers[2 * at], numbers[2 * at + 1]]));
  };

  // -- Pointers: drag moves, two fingers zoom, the lasso draws -------------------------------------
  const pointers = new Map();
  let travelled = 0;
  const place = (event) => [event.offsetX, event.offsetY];
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || !map) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    byKeys = false;
    travelled = 0;
    if (pointers.size === 1 && (lasso || event.shiftKey)) { area = []; bar.hidden = true; drawing = [place(event)]; }
    else drawing = null;
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      const point = event.pointerType === "mouse" ? nearest(...here) : -1;
      canvas.classList.toggle("is-over", point >= 0 && !lasso);
      if (event.pointerType === "mouse" && !drawing) look(point, { fleeting: true });
      return;
    }
    travelled += Math.hypot(here[0] - before[0], here[1] - before[1]);
    pointers.set(event.pointerId, here);
    if (drawing) {
      const last = drawing[drawing.length - 1];
      if (Math.hypot(here[0] - last[0], here[1] - last[1]) >= 3) { drawing.push(here); paint(); }
      return;
    }
    if (pointers.size === 2) {
      const [other] = [...pointers.entries()].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const distance = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
      moveBy((here[0] - before[0]) / 2, (here[1] - before[1]) / 2);
      zoomBy(distance(here) / distance(before), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
    } else if (travelled > 3) {
      canvas.classList.add("is-moving");
      moveBy(here[0] - before[0], here[1] - before[1]);
    }
  });
  const end = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    canvas.classList.remove("is-moving");
    if (drawing) {
      const corners = drawing;
      drawing = null;
      setLasso(false);
      select(simple(corners).map(([x, y]) => toGrid(x, y)));
      return;
    }
    if (event.type !== "pointerup" || travelled > 6 || pointers.size) return;
    const point = nearest(...place(event));
    if (event.pointerType === "mouse" && point >= 0) open(point);
    else look(point, { delay: 0 });
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && !byKeys) look(-1); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    zoomBy(Math.exp(-Math.max(-600, Math.min(600, event.deltaY * lines)) * 0.0025), event.offsetX, event.offsetY);
  }, { passive: false });

  // -- Keys and buttons ---------------------------------------------------------------------------
  const around = (change) => () => { change(); byKeys = true; look(nearest(size.width / 2, size.height / 2), { delay: 250 }); };
  const table = {
    ArrowLeft: around(() => moveBy(60, 0)), ArrowRight: around(() => moveBy(-60, 0)),
    ArrowUp: around(() => moveBy(0, 60)), ArrowDown: around(() => moveBy(0, -60)),
    "+": around(() => zoomBy(1.4)), "=": around(() => zoomBy(1.4)), "-": around(() => zoomBy(1 / 1.4)), 0: around(showAll),
    Enter: () => { if (over >= 0) open(over); },
    l: () => setLasso(!lasso), v: selectView, Escape: clear,
  };
  canvas.addEventListener("keydown", (event) => {
    if (!map || !(event.key in table) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    table[event.key]();
  });
  canvas.addEventListener("blur", () => { byKeys = false; paint(); });
  const zooms = { in: () => zoomBy(1.6), out: () => zoomBy(1 / 1.6), all: showAll };
  layout.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", zooms[button.dataset.zoom]));
  part("lasso").addEventListener("click", () => setLasso(!lasso));
  part("select-view").addEventListener("click", () => { if (map) selectView(); });
  part("clear").addEventListener("click", () => { clear(); canvas.focus(); });

  layout.addEventListener("click", (event) => {
    const button = event.target.closest("[data-group]");
    if (!button) return;
    const group = Number(button.dataset.group);
    if (!highlighted.delete(group)) highlighted.add(group);
    button.setAttribute("aria-pressed", String(highlighted.has(group)));
    if (area.length) select(area);
    paint();
  });

  // -- Loading -------------------------------------------------------------------------------------
  const load = async () => {
    const legend = document.getElementById("legend");
    const answer = await fetch(legend.dataset.points).catch(() => null);
    if (legend !== document.getElementById("legend")) return; // another colouring was asked for meanwhile
    if (!answer || !answer.ok) {
      says.textContent = answer && answer.status === 404 ? "The map was drawn anew. Load the page again." : "The points could not be loaded. Load the page again.";
      return;
    }
    const first = !map;
    map = read(await answer.arrayBuffer());
    highlighted.clear();
    says.textContent = "";
    canvas.setAttribute("aria-label", `Map of ${map.count.toLocaleString("en")} passages, coloured by ${legend.dataset.said}`);
    readColours();
    if (first) restore();
    else if (area.length) select(area);
    paintNow();
    layout.dataset.ready = map.by;
  };
  document.body.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.id === "legend" || event.detail.elt.id === "legend") load(); });
  const recolour = () => { readColours(); paint(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  new ResizeObserver(resize).observe(canvas);
  says.textContent = "Loading the points…";
  resize();
  load();
})();
