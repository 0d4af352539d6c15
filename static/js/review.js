// The review page: one item at a time, by keys. The next item is there before it is needed; a decision is sent
// while the next item is already on screen, and comes back with everything that was entered when it fails.
"use strict";

(() => {
  const page = document.getElementById("review");
  if (!page) return;
  const stage = document.getElementById("stage");
  const progress = document.getElementById("progress");
  const rates = page.hasAttribute("data-rates"); // digits are ratings, Enter saves them

  const PAUSE_BEFORE_SAVING = 800; // ms after the last keystroke
  const HEARTBEAT = 60_000;
  const LOOK_AGAIN = 20_000; // while everything left is with others
  const KEEPALIVE_BYTES = 60_000; // browsers refuse more of a request that outlives its page

  let current = stage.firstElementChild; // an item, or why there is none
  let parked = null; // the item at hand, while the session is walked back
  let ahead = []; // items that are ours and not shown yet
  let fetching = null;
  let done = []; // promises of this page's decisions, in order: {decision} or null
  let unsent = 0;
  let fragile = 0; // decisions too large to outlive the page
  // Leases of decisions that the studio may not know yet: not to be handed out again, nor given back by a reload.
  const SENT = "studio-sent";
  const JUST_SENT = 30_000;
  const onTheWay = new Set();
  const remember = () => { try { sessionStorage.setItem(SENT, JSON.stringify({ at: Date.now(), leases: [...onTheWay] })); } catch { /* a reload may show the item once more */ } };
  try {
    const sent = JSON.parse(sessionStorage.getItem(SENT) || "null");
    if (sent && Date.now() - sent.at < JUST_SENT) sent.leases.forEach((lease) => {
      onTheWay.add(lease);
      setTimeout(() => onTheWay.delete(lease), JUST_SENT); // what never arrived is mine still, and comes again
    });
  } catch { /* nothing was sent */ }
  let leaving = false;

  // -- Requests ---------------------------------------------------------------------------------
  const token = () => document.querySelector("input[name=csrfmiddlewaretoken]").value;
  const entries = (fields) => {
    const form = new FormData();
    form.set("csrfmiddlewaretoken", token());
    Object.entries(fields).forEach(([name, value]) => [value].flat().forEach((one) => form.append(name, one)));
    return form;
  };
  const weight = (form) => [...form.values()].reduce((sum, value) => sum + 3 * String(value).length, 0);
  // Resolves to {ok, status, json or html}; never rejects. Status 0: no connection.
  const send = async (url, form) => {
    try {
      const response = await fetch(url, {
        method: form ? "POST" : "GET",
        body: form,
        headers: { "X-Requested-With": "review" },
        keepalive: Boolean(form) && weight(form) < KEEPALIVE_BYTES,
      });
      if (response.redirected) return { ok: false, status: 403, message: "You are signed out. Sign in in another tab, then try again." };
      const isJson = (response.headers.get("Content-Type") || "").includes("json");
      const body = response.status === 204 ? "" : isJson ? await response.json() : await response.text();
      const message = isJson ? body.message : "";
      return { ok: response.ok, status: response.status, json: isJson ? body : null, html: isJson ? "" : body, message };
    } catch {
      return { ok: false, status: 0, message: "No connection to the studio." };
    }
  };
  const said = (answer) =>
    answer.message || { 403: "You may not do that here.", 404: "That is no longer there." }[answer.status] ||
    `The studio answered with an error (${answer.status}).`;
  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  // -- Items ------------------------------------------------------------------------------------
  const isItem = (element) => Boolean(element?.dataset.lease);
  const formOf = (item) => item.querySelector("form.item-form");
  const field = (item, name) => formOf(item)?.elements.namedItem(name);
  const texts = (item) => [...item.querySelectorAll("[data-edit] textarea")];
  const ratings = (item) => [...item.querySelectorAll(".rating")];
  const leases = () => [current, parked, ...ahead].filter(isItem).map((item) => item.dataset.lease);

  // Seconds in which the page was in view: `seen` is when the item at hand came into view.
  let seen = 0;
  const attend = () => {
    const now = performance.now();
    if (seen && isItem(current)) current.seconds = (current.seconds || 0) + (now - seen) / 1000;
    seen = document.visibilityState === "visible" ? now : 0;
  };

  const put = (element) => {
    attend();
    const hadFocus = stage.contains(document.activeElement);
    current = element;
    stage.replaceChildren(element);
    window.htmx?.process(element);
    if (isItem(element)) {
      history.replaceState(null, "", `${location.pathname}?item=${element.dataset.item}`);
      element.before_edit ??= payload(element);
      recover(element);
      markNext(element);
    }
    document.querySelectorAll("#stage, html").forEach((box) => { box.scrollTop = 0; });
    if (hadFocus) stage.focus({ preventScroll: true });
    element.dispatchEvent(new CustomEvent("review:shown", { bubbles: true }));
  };

  const advance = () => {
    if (ahead.length) put(ahead.shift());
    else put(parse('<section class="waiting" aria-busy="true"><p>Fetching the next item…</p></section>'));
    preload();
  };

  // Keep one item ahead. When there is none, what says so is shown once the present item is done.
  const preload = async () => {
    if (fetching || ahead.length || leaving) return;
    fetching = send(page.dataset.next, entries({ lease: [...leases(), ...onTheWay] }));
    const answer = await fetching;
    fetching = null;
    const waits = current.classList.contains("waiting") || current.dataset.why;
    if (!answer.ok) {
      if (waits) studio.toast(`${said(answer)} The next item could not be fetched.`, { error: true, label: "Try again", action: preload, seconds: 0 });
      return;
    }
    const element = parse(answer.html);
    if (isItem(element) && leaving) return giveBack([element.dataset.lease]);
    if (isItem(element)) {
      if (waits) { put(element); preload(); } else ahead.push(element);
    } else if (waits && unsent === 0) {
      put(element);
    } else if (waits) {
      await Promise.allSettled(done);
      preload();
    }
  };
  setInterval(() => {
    if (["all_leased", "revising"].includes(current.dataset.why) && document.visibilityState === "visible") preload();
  }, LOOK_AGAIN);

  let refreshing = 0;
  const refreshProgress = () => {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => window.htmx?.trigger(progress, "refresh"), 400);
  };

  // -- Deciding ---------------------------------------------------------------------------------
  const WITH_NOTE = {
    "reject:other": "Say in the note what the other reason is",
    send_back: "Say in the note what the revision should change",
  };
  const decide = (action, item = current) => {
    if (!isItem(item) || parked) return;
    attend();
    if (action === "rate" && ratings(item).some((rating) => !rating.querySelector(":checked"))) {
      return studio.toast("Rate everything before saving.", { error: true });
    }
    const wanted = WITH_NOTE[action];
    if (wanted && !field(item, "note").value.trim()) {
      openNote(item);
      return studio.toast(`${wanted}, then press Ctrl+Enter.`, { seconds: 8 });
    }
    stopDraft(item);
    const form = new FormData(formOf(item));
    form.set("action", action);
    form.set("seconds", (item.seconds || 0).toFixed(1));
    item.classList.remove("is-rejecting", "is-returning", "is-editing");
    onTheWay.add(item.dataset.lease);
    remember();
    unsent += 1;
    const large = weight(form) >= KEEPALIVE_BYTES;
    fragile += large;
    advance();
    const result = (async () => {
      await item.saving;
      const answer = await send(formOf(item).getAttribute("action"), form);
      unsent -= 1;
      fragile -= large;
      onTheWay.delete(item.dataset.lease);
      remember();
      if (!answer.ok) return bringBack(item, answer);
      forget(item);
      refreshProgress();
      const line = answer.json.surplus ? `${answer.json.said}.` : `${answer.json.said} · u to undo`;
      studio.toast(line, { label: "Undo", action: () => step(undo), seconds: 6 });
      return answer.json;
    })();
    done.push(result);
  };

  // A decision that was not saved: the item is shown again as it was left, but never under somebody's fingers.
  const bringBack = (item, answer) => {
    if (answer.json?.code === "already_decided") {
      forget(item);
      studio.toast(said(answer), { error: true, seconds: 10 });
      return null;
    }
    if (studio.isTyping(document.activeElement) || parked) {
      ahead.unshift(item);
      studio.toast(`Not saved: ${said(answer)} That item comes next, as you left it.`, { error: true, seconds: 12 });
    } else {
      if (isItem(current)) ahead.unshift(current);
      put(item);
      studio.toast(`Not saved: ${said(answer)} Your answer is still here.`, { error: true, seconds: 12 });
    }
    return null;
  };

  const undo = async () => {
    const named = parked ? current.dataset.past : (await lastDecision())?.decision;
    if (named === null) return;
    const answer = await send(page.dataset.undo, entries(named ? { decision: named } : {}));
    if (!answer.ok) return studio.toast(said(answer), { error: true });
    refreshProgress();
    const item = answer.html ? parse(answer.html) : null;
    if (parked) { if (isItem(parked)) ahead.unshift(parked); else current = parked; parked = null; }
    else if (isItem(current) && item) ahead.unshift(current);
    if (!item) { advance(); return studio.toast(answer.json.said, { error: true }); }
    put(item);
    studio.toast("Undone. It is yours again, as you entered it.");
  };
  // The latest of this page that was saved; undefined when there is none (the studio then knows the last one).
  const lastDecision = async () => {
    while (done.length) {
      const result = await done.pop();
      if (result) return result;
    }
    return undefined;
  };

  // -- Rejecting, rating, editing, notes ---------------------------------------------------------
  const reject = (open) => {
    if (!isItem(current)) return;
    const reasons = current.querySelector("[data-reasons]");
    if (!reasons) return false;
    if (open) sendBack(false);
    current.classList.toggle("is-rejecting", open);
    current.querySelector("[data-do=reject]").setAttribute("aria-expanded", String(open));
  };
  const isRejecting = () => current.classList.contains("is-rejecting");

  // Sending back: the note says what to change, and goes out with it.
  const sendBack = (open) => {
    const button = isItem(current) && current.querySelector("[data-do=send-back]");
    if (!button) return false;
    if (button.dataset.why) return open && studio.toast(button.dataset.why, { error: true, seconds: 8 });
    if (open) { reject(false); openNote(current); }
    current.classList.toggle("is-returning", open);
  };
  const isReturning = () => current.classList.contains("is-returning");
  const isAsking = () => isRejecting() || isReturning();

  const markNext = (item) => {
    const all = ratings(item);
    const next = all.find((rating) => !rating.querySelector(":checked"));
    all.forEach((rating) => rating.classList.toggle("is-next", rating === next));
    return next;
  };
  const rate = (digit) => {
    const all = ratings(current);
    if (!all.length) return false;
    const rating = markNext(current) || all.at(-1);
    const choice = rating.querySelector(`input[value="${digit}"]`);
    if (!choice) return studio.toast(`This scale ends at ${rating.querySelectorAll("input").length - 1}.`, { error: true });
    choice.checked = true;
    markNext(current);
    scheduleDraft(current);
  };
  const unrate = () => {
    const rated = ratings(current).filter((rating) => rating.querySelector(":checked"));
    if (!rated.length) return false;
    rated.at(-1).querySelector(":checked").checked = false;
    markNext(current);
    scheduleDraft(current);
  };

  const openNote = (item) => {
    if (!isItem(item)) return false;
    item.querySelector(".item-note").open = true;
    field(item, "note").focus();
  };
  // The texts of a sample's chain: the one that is chosen is shown, and is what accepting takes. An edit is kept meanwhile.
  const versions = (item) => [...item.querySelectorAll("[data-versions] input")];
  const showVersion = async (item) => {
    const box = item.querySelector("[data-text]");
    const chosen = versions(item).find((one) => one.checked);
    item.standing ??= box.innerHTML;
    if (!chosen?.value) { box.innerHTML = item.standing; item.standing = null; return; }
    const answer = await send(chosen.dataset.url);
    if (!answer.ok) return studio.toast(said(answer), { error: true });
    if (!chosen.checked) return; // another one was chosen meanwhile
    chosen.contents = answer.json.contents;
    box.innerHTML = answer.json.html;
  };
  const choose = (item, version) => { version.checked = true; return showVersion(item); };
  const nextVersion = () => {
    const all = isItem(current) ? versions(current) : [];
    if (!all.length) return false;
    const at = all.findIndex((one) => one.checked);
    choose(current, all[(at - 1 + all.length) % all.length]);
  };
  // Editing takes what is on screen, unless something of one's own is there already.
  const takeVersion = async (item) => {
    const chosen = versions(item).find((one) => one.checked && one.value);
    if (!chosen) return;
    const edited = texts(item).some((text) => text.value !== text.defaultValue);
    if (!edited && chosen.contents) texts(item).forEach((text, at) => { text.value = chosen.contents[at]; });
    await choose(item, versions(item).find((one) => !one.value));
    if (edited) studio.toast("Your own edit is here; it was kept.");
    else scheduleDraft(item);
  };
  const edit = () => {
    if (!isItem(current) || !texts(current).length) return false;
    takeVersion(current);
    current.classList.add("is-editing");
    current.querySelector("[data-edit]").open = true;
    const last = texts(current).at(-1);
    last.focus({ preventScroll: true });
    last.scrollIntoView({ block: "nearest" });
  };
  // Leaving the editor shows what changed.
  const leaveEditor = async (item) => {
    item.classList.remove("is-editing");
    item.querySelector("[data-edit]").open = false;
    flushDraft(item);
    const form = new FormData(formOf(item));
    const answer = await send(item.dataset.preview, form);
    if (answer.ok) { item.querySelector("[data-text]").innerHTML = answer.html; item.standing = null; }
    else studio.toast(said(answer), { error: true });
  };
  const toggleDiff = () => {
    const looks = current.querySelectorAll("[data-look]");
    if (!looks.length) return studio.toast("Nothing of this text was changed.");
    looks.forEach((look) => { look.hidden = !look.hidden; });
    const marked = !current.querySelector("[data-look=diff]").hidden;
    const button = current.querySelector("[data-do=diff]");
    if (button) button.textContent = marked ? "Show the text without marks" : "Show what changed";
  };

  // -- Drafts: saved as one types, on leaving a field, and when the page is hidden -----------------
  const payload = (item) => {
    const values = {};
    new FormData(formOf(item)).forEach((value, name) => {
      if (/^(text|note|message-\d+|rating-[\w-]+)$/.test(name)) values[name] = value;
    });
    return JSON.stringify(values);
  };
  const key = (item) => `studio-draft-${item.dataset.item}.${item.dataset.round}`;
  const keep = (item, values) => { try { localStorage.setItem(key(item), values); } catch { /* the server has it soon */ } };
  const forget = (item) => { try { localStorage.removeItem(key(item)); } catch { /* nothing was kept */ } };
  const fill = (item, values) => {
    Object.entries(values).forEach(([name, value]) => {
      const input = field(item, name);
      if (input instanceof RadioNodeList || input?.type === "radio") {
        formOf(item).querySelectorAll(`[name="${CSS.escape(name)}"]`).forEach((radio) => { radio.checked = radio.value === String(value); });
      } else if (input) input.value = value;
    });
  };
  // What was typed here and never reached the studio (no connection, a closed lid) is back.
  const recover = (item) => {
    let kept;
    try { kept = localStorage.getItem(key(item)); } catch { return; }
    if (!kept || kept === payload(item)) return;
    fill(item, JSON.parse(kept));
    scheduleDraft(item);
    draftLine(item, "What you typed here before is back.");
    if (texts(item).some((text) => text.value !== text.defaultValue)) leaveEditor(item);
  };
  const draftLine = (item, text) => {
    const line = item.querySelector("[data-draft-line]");
    line.textContent = text;
    line.parentElement.hidden = !text;
  };
  const stopDraft = (item) => { clearTimeout(item.timer); item.timer = 0; };
  const scheduleDraft = (item) => {
    if (!isItem(item) || payload(item) === item.before_edit) return;
    keep(item, payload(item));
    clearTimeout(item.timer);
    item.timer = setTimeout(() => saveDraft(item), PAUSE_BEFORE_SAVING);
  };
  const flushDraft = (item) => { if (isItem(item) && item.timer) saveDraft(item); };
  const saveDraft = (item) => {
    stopDraft(item);
    if (item.conflict) return;
    item.saving = (async () => {
      await item.saving;
      const values = payload(item);
      if (values === item.before_edit) return;
      const form = new FormData(formOf(item));
      form.set("base", item.dataset.version);
      form.set("round", item.dataset.round);
      const answer = await send(item.dataset.draft, form);
      if (answer.status === 409 && answer.json?.html) return showConflict(item, answer.json);
      if (!answer.ok) return draftLine(item, "Not saved yet: kept in this browser.");
      item.before_edit = values;
      if (answer.json) item.dataset.version = answer.json.version;
      if (payload(item) === values) forget(item);
      draftLine(item, "Draft saved.");
    })();
    return item.saving;
  };
  const showConflict = (item, other) => {
    item.conflict = other;
    item.querySelector("[data-notices]").replaceChildren(parse(other.html));
    draftLine(item, "Two drafts: choose one.");
  };
  const settleConflict = (takeTheirs) => {
    const { version, payload: theirs } = current.conflict;
    current.conflict = null;
    current.dataset.version = version;
    current.querySelector("[data-notices]").replaceChildren();
    if (takeTheirs) {
      const { ratings: rated = {}, ...rest } = theirs;
      formOf(current).reset();
      fill(current, { ...rest, ...Object.fromEntries(Object.entries(rated).map(([name, value]) => [`rating-${name}`, value])) });
      current.before_edit = payload(current);
      forget(current);
      draftLine(current, "The other tab's draft.");
      if (texts(current).length) leaveEditor(current);
    } else {
      current.before_edit = "";
      saveDraft(current);
    }
    markNext(current);
  };

  // -- Back through the session -------------------------------------------------------------------
  const walk = async (url) => {
    const answer = await send(url);
    if (!answer.ok) return studio.toast(said(answer));
    flushDraft(current);
    const element = parse(answer.html);
    if (!parked) { attend(); parked = current; }
    put(element);
  };
  let walking = Promise.resolve(); // one step after the other, however quickly the keys come
  const step = (take) => { walking = walking.then(take); };
  const older = async () => {
    await Promise.allSettled(done); // what was just decided belongs to the session
    if (!parked) return walk(page.dataset.latest);
    if (current.dataset.older) return walk(current.dataset.older);
    studio.toast("That was the first of this session.");
  };
  const newer = async () => {
    if (!parked) return studio.toast("This is the item at hand.");
    if (current.dataset.newer) return walk(current.dataset.newer);
    const back = parked;
    parked = null;
    put(back);
    if (!isItem(back)) preload();
  };

  // -- Leases -------------------------------------------------------------------------------------
  const beat = async () => {
    const mine = leases();
    if (!mine.length || document.visibilityState !== "visible") return;
    const answer = await send(page.dataset.beat, entries({ lease: mine }));
    if (!answer.ok || !answer.json) return;
    for (const [lease, now] of Object.entries(answer.json.leases)) {
      const item = [current, parked, ...ahead].find((one) => one?.dataset.lease === lease);
      if (!item || now === lease) continue;
      if (now) {
        item.dataset.lease = now;
        field(item, "lease").value = now;
      } else if (ahead.includes(item)) {
        ahead = ahead.filter((one) => one !== item);
      } else if (!item.querySelector("[data-lost]")) {
        const notice = parse('<div class="notice notice-warn" data-lost><span></span><div>Somebody else has taken this item while you were away. What you typed is kept; a decision now is kept too, and may not count.</div></div>');
        item.querySelector("[data-notices]")?.append(notice);
      }
    }
    preload();
  };
  setInterval(beat, HEARTBEAT);
  const giveBack = (mine) => { if (mine.length) navigator.sendBeacon(page.dataset.release, entries({ lease: mine })); };

  document.addEventListener("visibilitychange", () => {
    attend();
    if (document.visibilityState === "hidden") flushDraft(current);
    else beat();
  });
  window.addEventListener("pagehide", () => {
    leaving = true;
    flushDraft(current);
    giveBack(leases());
  });
  window.addEventListener("pageshow", (event) => {
    leaving = false;
    if (event.persisted) beat();
  });
  window.addEventListener("beforeunload", (event) => {
    if (fragile) event.preventDefault();
  });

  // -- Keys and clicks: one table -----------------------------------------------------------------
  const press = (action) => () => (isItem(current) && !isAsking() ? decide(action) : false);
  const table = {
    s: press("skip"),
    f: press("flag"),
    c: () => openNote(current),
    u: () => step(undo),
    k: () => step(older),
    j: () => step(newer),
    l: () => {
      const lineage = current.querySelector("[data-lineage]");
      if (!lineage) return false;
      lineage.scrollIntoView({ block: "nearest" });
      (lineage.querySelector("a") || lineage).focus({ preventScroll: true });
    },
    i: () => {
      const summary = current.querySelector("[data-context] > summary");
      if (!summary) return false;
      summary.click();
      summary.scrollIntoView({ block: "nearest" });
    },
    h: () => {
      const steps = [...current.querySelectorAll("[data-chain] > ol > li > details > summary")];
      if (!steps.length) return false;
      const next = steps[(steps.indexOf(document.activeElement) + 1) % steps.length];
      if (!next.parentElement.open) next.click();
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "start" });
    },
    Escape: () => {
      if (!isAsking()) return false;
      reject(false);
      sendBack(false);
    },
  };
  if (rates) {
    "012345".split("").forEach((digit) => { table[digit] = () => (isItem(current) ? rate(digit) : false); });
    table.Backspace = () => unrate();
    table.Enter = (event) => (event.target.closest("a, button, summary") ? false : decide("rate"));
  } else {
    table.a = press("accept");
    table.r = () => reject(!isRejecting());
    table.b = () => sendBack(!isReturning());
    table.v = nextVersion;
    table.e = edit;
    table.d = toggleDiff;
    "123456789".split("").forEach((digit) => {
      table[digit] = () => {
        const reason = isRejecting() && current.querySelectorAll("[data-reasons] [name=action]")[Number(digit) - 1];
        return reason ? decide(reason.value) : false;
      };
    });
  }
  studio.keys(table);

  const doing = {
    reject: () => reject(true),
    "send-back": () => sendBack(true),
    close: () => { reject(false); sendBack(false); },
    edit,
    note: () => openNote(current),
    undo: () => step(undo),
    diff: toggleDiff,
    older: () => step(older),
    newer: () => step(newer),
    "keep-mine": () => settleConflict(false),
    "take-theirs": () => settleConflict(true),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button || !doing[button.dataset.do] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    doing[button.dataset.do]();
  });
  stage.addEventListener("submit", (event) => {
    const form = event.target.closest("form.item-form");
    if (!form) return;
    event.preventDefault();
    if (event.submitter?.name === "action") decide(event.submitter.value);
  });
  stage.addEventListener("input", (event) => {
    if (!isItem(current)) return;
    if (event.target.name === "revision") return showVersion(current);
    markNext(current);
    scheduleDraft(current);
  });
  stage.addEventListener("focusout", () => flushDraft(current));

  // In a text field: Escape and Ctrl+Enter save it and leave; a rejection that waited for its note goes out.
  document.addEventListener("keydown", (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || !isItem(current) || !current.contains(area)) return;
    const save = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (event.key !== "Escape" && !save) return;
    event.preventDefault();
    area.blur();
    if (area.closest("[data-edit]")) leaveEditor(current);
    else if (save && isAsking() && area.name === "note" && area.value.trim()) decide(isReturning() ? "send_back" : "reject:other");
    else flushDraft(current);
  }, true);

  if (isItem(current) && onTheWay.has(current.dataset.lease)) {
    // Reloaded while its decision was on the way: it is as good as decided.
    put(parse('<section class="waiting" aria-busy="true"><p>Fetching the next item…</p></section>'));
  } else if (isItem(current)) {
    current.before_edit = payload(current);
    recover(current);
    markNext(current);
    history.replaceState(null, "", `${location.pathname}?item=${current.dataset.item}`);
    beat();
  }
  attend();
  preload();
})();
