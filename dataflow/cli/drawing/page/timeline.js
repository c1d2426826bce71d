"use strict";
// Draws what is in #data. Only the rows in sight are in the document, so that their number does not
// matter. Times are milliseconds since the beginning. Names come from users: they become text nodes.
(() => {
  const ROW = 24, SPARE = 8, LEAST = 0.05, TICK_PX = 80;
  const data = JSON.parse(document.getElementById("data").textContent);
  const length = Math.max(data.length, 1);
  const byId = (id) => document.getElementById(id);
  const [scroll, rows, ticks, details, search, sort] =
    ["scroll", "rows", "ticks", "details", "search", "sort"].map(byId);
  const canvas = byId("overview");

  let view = [0, length];
  let shown = data.rows;
  let chosen = -1;
  let pinned = false;
  const hidden = new Set();

  // --- words -------------------------------------------------------------------------------

  const UNITS = [[86400e3, "d", 3600e3, "h"], [3600e3, "h", 60e3, "min"], [60e3, "min", 1e3, "s"]];
  function duration(ms) {
    if (ms < 0.5) return "0 s";
    if (ms < 999.5) return `${ms.toFixed(0)} ms`;
    if (ms < 59950) return `${(ms / 1e3).toFixed(1).replace(/\.0$/, "")} s`;
    for (const [unit, name, smaller, smallerName] of UNITS) {
      const rounded = Math.round(ms / smaller) * smaller;
      const whole = Math.floor(rounded / unit), rest = Math.round((rounded - whole * unit) / smaller);
      if (whole) return `${whole} ${name}` + (rest ? ` ${rest} ${smallerName}` : "");
    }
    return "";
  }

  const pad = (n, digits = 2) => String(n).padStart(digits, "0");
  function clock(ms, step) {
    const at = new Date(data.begin + ms);
    const of = (part) => (data.utc ? at[`getUTC${part}`]() : at[`get${part}`]());
    if (step >= 86400e3) return `${of("FullYear")}-${pad(of("Month") + 1)}-${pad(of("Date"))}`;
    const time = `${pad(of("Hours"))}:${pad(of("Minutes"))}`;
    if (step >= 60e3) return time;
    const seconds = `${time}:${pad(of("Seconds"))}`;
    return step >= 1e3 ? seconds : `${seconds}.${pad(of("Milliseconds"), 3)}`;
  }

  const STEPS = [];
  for (let power = -3; power < 4; power++) for (const n of [1, 2, 5]) STEPS.push(n * 10 ** power);
  STEPS.push(...[10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200]
    .map((seconds) => seconds * 1e3));
  for (let days = 1; days < 1e5; days *= 2) STEPS.push(days * 86400e3);

  function elapsed(ms, step) {
    if (ms === 0) return "0";
    if (step < 1) return `${ms.toFixed(Math.ceil(-Math.log10(step)))} ms`;
    if (step < 1e3) return ms < 1e3 ? `${ms} ms` : `${(ms / 1e3).toFixed(Math.ceil(3 - Math.log10(step)))} s`;
    return duration(ms);
  }

  function element(tag, cls, text) {
    const made = document.createElement(tag);
    if (cls) made.className = cls;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // --- the view ----------------------------------------------------------------------------

  const trackWidth = () => ticks.clientWidth;
  const percent = (ms) => (100 * (ms - view[0])) / (view[1] - view[0]);

  function look(from, to) {
    const wide = Math.min(Math.max(to - from, LEAST), length);
    const begin = Math.min(Math.max(from, 0), length - wide);
    view = [begin, begin + wide];
    draw();
  }

  function zoom(factor, share = 0.5) {
    const wide = view[1] - view[0], at = view[0] + share * wide;
    look(at - share * wide * factor, at + (1 - share) * wide * factor);
  }

  function marks() {
    const wide = view[1] - view[0];
    const least = (wide * TICK_PX) / Math.max(trackWidth(), 1);
    const step = STEPS.find((one) => one >= least) || STEPS[STEPS.length - 1];
    const found = [];
    for (let n = Math.ceil(view[0] / step - 1e-9); n * step <= view[1] + step * 1e-9; n++) found.push(n * step);
    return [found, step];
  }

  let waiting = false;
  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; drawAxis(); drawRows(); drawOverview(); });
  }

  let grid = [];
  function drawAxis() {
    const [found, step] = marks();
    grid = found;
    ticks.replaceChildren(...found.map((ms) => {
      const tick = element("div", "tick", elapsed(ms, step));
      tick.append(element("small", "", clock(ms, step)));
      tick.style.left = `${percent(ms)}%`;
      return tick;
    }));
    if (data.open && view[1] >= length) {
      const now = element("div", "tick now", "now");
      now.style.left = "100%";
      const last = ticks.lastElementChild;
      if (last && percent(found[found.length - 1]) > 100 - 5000 / trackWidth()) last.remove();
      ticks.append(now);
    }
  }

  function drawRows() {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(shown.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + SPARE);
    rows.style.height = `${shown.length * ROW}px`;
    byId("none").hidden = shown.length > 0;
    const made = [];
    for (let index = first; index < last; index++) made.push(drawRow(shown[index], index));
    rows.replaceChildren(...made);
  }

  function drawRow(row, index) {
    const line = element("div", `row${index % 2 ? "" : " odd"}${index === chosen ? " chosen" : ""}`);
    line.style.top = `${index * ROW}px`;
    line.dataset.index = index;
    const name = element("div", "names", row.label);
    name.title = row.id;
    const track = element("div", "track"), clip = element("div", "clip");
    const inner = element("div", "track");
    inner.style.cssText = "height:100%;margin:0;width:" + trackWidth() + "px";
    for (const ms of grid) {
      const mark = element("div", "grid");
      mark.style.left = `${percent(ms)}%`;
      inner.append(mark);
    }
    let end = 0;
    for (const [phase, from, to, state] of row.spans) {
      end = Math.max(end, to);
      if (to < view[0] || from > view[1]) continue;
      inner.append(drawSpan(phase, from, to, state));
    }
    if (end >= view[0] && end <= view[1]) {
      const told = element("span", "behind", row.behind);
      told.style.left = `max(${percent(end)}%, ${percent(row.spans[row.spans.length - 1][1])}% + 3px)`;
      inner.append(told);
    }
    clip.append(inner);
    track.append(clip);
    line.append(name, track);
    return line;
  }

  function drawSpan(phase, from, to, state) {
    const left = Math.max(from, view[0]), right = Math.min(to, view[1]);
    const cls = { waiting: "waiting-phase", running: state, backing_off: "backing_off", instant: "instant" }[phase];
    const bar = element("div", `span ${cls}`);
    bar.style.left = `${percent(left)}%`;
    if (phase !== "instant") bar.style.width = `${percent(right) - percent(left)}%`;
    if (phase === "running" || phase === "instant") bar.style.background = `var(--${state})`;
    const wide = ((right - left) / (view[1] - view[0])) * trackWidth();
    if (phase === "running" && data.looks[state].sign && wide >= 10) bar.append(drawSign(data.looks[state].sign));
    return bar;
  }

  function drawSign(path) {
    const NAMESPACE = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(NAMESPACE, "svg"), sign = document.createElementNS(NAMESPACE, "path");
    svg.setAttribute("viewBox", "-5 -5 10 10");
    sign.setAttribute("d", path);
    svg.append(sign);
    return svg;
  }

  // --- how many at a time ------------------------------------------------------------------

  function counts(phase) {
    const changes = [];
    for (const row of data.rows) {
      if (row.kind === "timer") continue;
      for (const [what, from, to] of row.spans) if (what === phase) changes.push([from, 1], [to, -1]);
    }
    changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let count = 0;
    return changes.map(([at, change]) => [at, (count += change)]);
  }
  const levels = { waiting: counts("waiting"), running: counts("running") };
  const peak = (level) => level.reduce((most, [, count]) => Math.max(most, count), 0);
  const peaks = { waiting: peak(levels.waiting), running: peak(levels.running) };
  byId("peak").textContent = `at most ${peaks.running.toLocaleString("en")} ran, ${peaks.waiting.toLocaleString("en")} waited`;

  function drawOverview() {
    const scale = window.devicePixelRatio || 1;
    const wide = canvas.clientWidth, high = canvas.clientHeight;
    canvas.width = wide * scale;
    canvas.height = high * scale;
    const pen = canvas.getContext("2d");
    const colours = getComputedStyle(document.documentElement);
    const colour = (name) => colours.getPropertyValue(`--${name}`).trim();
    pen.scale(scale, scale);
    const x = (ms) => (ms / length) * wide;
    pen.fillStyle = colour("stripe");
    pen.fillRect(0, 0, wide, high);
    // Each has a height of its own: thousands may wait for eight that run.
    for (const [name, most] of [["waiting", high * 0.9], ["running", high * 0.62]]) {
      const high_ = (count) => (peaks[name] ? (count / peaks[name]) * most : 0);
      pen.fillStyle = colour(name);
      pen.globalAlpha = name === "waiting" ? 0.55 : 0.85;
      pen.beginPath();
      pen.moveTo(0, high);
      let before = 0;
      for (const [at, count] of levels[name]) {
        pen.lineTo(x(at), high - high_(before));
        pen.lineTo(x(at), high - high_(count));
        before = count;
      }
      pen.lineTo(x(length), high - high_(before));
      pen.lineTo(x(length), high);
      pen.fill();
    }
    pen.globalAlpha = 1;
    for (const row of data.rows) {
      for (const [phase, , to, state] of row.spans) {
        if (phase === "running" && (state === "failed" || state === "timed_out")) {
          pen.fillStyle = colour(state);
          pen.fillRect(x(to) - 1, 0, 2, 7);
        }
      }
    }
    if (view[0] > 0 || view[1] < length) {
      pen.fillStyle = colour("paper");
      pen.globalAlpha = 0.72;
      pen.fillRect(0, 0, x(view[0]), high);
      pen.fillRect(x(view[1]), 0, wide - x(view[1]), high);
      pen.globalAlpha = 1;
      pen.strokeStyle = colour("running");
      pen.lineWidth = 1.5;
      pen.strokeRect(x(view[0]) + 0.5, 0.75, Math.max(2, x(view[1]) - x(view[0]) - 1), high - 1.5);
    }
  }

  // --- which rows --------------------------------------------------------------------------

  const ORDERS = {
    scheduled: () => 0,
    name: (a, b) => a.name.localeCompare(b.name, "en") || a.label.localeCompare(b.label, "en", { numeric: true }),
    running: (a, b) => (b.running || 0) - (a.running || 0),
    waiting: (a, b) => b.waiting - a.waiting,
    attempts: (a, b) => b.attempts - a.attempts,
  };
  for (const row of data.rows) row.text = [row.label, row.id, row.name, row.state, row.reason || "", row.identity || ""].join("\n").toLowerCase();

  function choose() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = data.rows
      .filter((row) => !hidden.has(row.look) && words.every((word) => row.text.includes(word)))
      .sort(ORDERS[sort.value]);
    chosen = -1;
    unpin();
    const all = data.rows.length.toLocaleString("en");
    byId("count").textContent = shown.length === data.rows.length
      ? `${all} tasks` : `${shown.length.toLocaleString("en")} of ${all} tasks`;
    scroll.scrollTop = 0;
    draw();
  }

  function addStates() {
    const states = new Map();
    for (const row of data.rows) states.set(row.look, (states.get(row.look) || 0) + 1);
    for (const [name, { word }] of Object.entries(data.looks)) {
      if (!states.has(name)) continue;
      const button = element("button");
      const dot = element("span", "dot");
      dot.style.background = `var(--${name})`;
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.append(dot, element("span", "", word), element("b", "", states.get(name).toLocaleString("en")));
      button.addEventListener("click", () => {
        if (hidden.has(name)) hidden.delete(name); else hidden.add(name);
        button.setAttribute("aria-pressed", String(!hidden.has(name)));
        choose();
      });
      byId("states").append(button);
    }
  }

  // --- details -----------------------------------------------------------------------------

  function tell(row) {
    const parts = [element("h2", "", row.id)];
    const state = element("p", "state"), dot = element("span", "dot");
    dot.style.background = `var(--${row.look})`;
    state.append(dot, element("span", "", [row.state, row.attempts > 1 && row.kind !== "timer" ? `${row.attempts} attempts` : ""].filter(Boolean).join(", ")));
    parts.push(state);
    if (row.reason) parts.push(element("p", "reason", row.reason));
    parts.push(element("p", "quiet", [row.kind, row.name, row.version].filter(Boolean).join(" ")));
    if (row.identity) parts.push(element("p", "quiet", `by ${row.identity}`));
    const table = element("table"), head = element("tr");
    for (const word of ["", "from", "after", "took", "state"]) head.append(element("th", "", word));
    table.append(head);
    const PHASES = { waiting: "waited", running: "ran", backing_off: "backed off", instant: "at" };
    for (const [phase, from, to, look_, attempt] of row.spans.slice(0, 60)) {
      const line = element("tr");
      const isRun = phase === "running";
      for (const word of [PHASES[phase] + (row.attempts > 1 && isRun && row.kind !== "timer" ? ` (${attempt})` : ""), clock(from, 1), duration(from), phase === "instant" ? "" : duration(to - from), isRun && row.kind !== "timer" ? data.looks[look_].word : ""]) line.append(element("td", "", word));
      table.append(line);
    }
    parts.push(table);
    details.replaceChildren(...parts);
    details.hidden = false;
  }

  function place(x, y) {
    const box = details.getBoundingClientRect();
    details.style.left = `${Math.max(12, Math.min(x + 18, innerWidth - box.width - 12))}px`;
    details.style.top = `${y + 22 + box.height > innerHeight - 8 ? Math.max(8, y - box.height - 14) : y + 22}px`;
  }

  function unpin() {
    pinned = false;
    details.hidden = true;
    details.classList.remove("pinned");
  }

  function pin(index, x, y) {
    chosen = index;
    pinned = true;
    tell(shown[index]);
    details.classList.add("pinned");
    place(x, y);
    draw();
  }

  const indexOf = (event) => {
    const line = event.target.closest(".row");
    return line ? Number(line.dataset.index) : -1;
  };

  rows.addEventListener("mousemove", (event) => {
    if (pinned || dragged) return;
    const index = indexOf(event);
    if (index < 0) return;
    tell(shown[index]);
    place(event.clientX, event.clientY);
  });
  rows.addEventListener("mouseleave", () => { if (!pinned) details.hidden = true; });

  // --- moving ------------------------------------------------------------------------------

  scroll.addEventListener("scroll", () => { if (!pinned) details.hidden = true; draw(); });
  new ResizeObserver(draw).observe(scroll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  scroll.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    const box = ticks.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(event.deltaY * 0.002), Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      event.preventDefault();
      const move = (sideways / box.width) * (view[1] - view[0]);
      look(view[0] + move, view[1] + move);
    }
  }, { passive: false });

  let dragged = null;
  rows.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.target.closest(".track")) dragged = { x: event.clientX, view, far: false };
  });
  addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const move = event.clientX - dragged.x;
    dragged.far = dragged.far || Math.abs(move) > 4;
    const ms = (move / trackWidth()) * (dragged.view[1] - dragged.view[0]);
    if (dragged.far) look(dragged.view[0] - ms, dragged.view[1] - ms);
  });
  addEventListener("pointerup", (event) => {
    const far = dragged && dragged.far;
    dragged = null;
    const index = event.target.closest && event.target.closest("#rows") ? indexOf(event) : -1;
    if (far) return;
    if (index >= 0) pin(index, event.clientX, event.clientY);
    else if (!event.target.closest || !event.target.closest("aside")) unpin();
  });

  let from = null;
  const shareOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * length;
  };
  canvas.addEventListener("pointerdown", (event) => { from = shareOf(event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const to = shareOf(event);
    if (Math.abs(to - from) > length / 200) look(Math.min(from, to), Math.max(from, to));
  });
  canvas.addEventListener("pointerup", (event) => {
    const to = shareOf(event), half = (view[1] - view[0]) / 2;
    if (from !== null && Math.abs(to - from) <= length / 200) look(to - half, to + half);
    from = null;
  });
  canvas.addEventListener("dblclick", () => look(0, length));

  byId("in").addEventListener("click", () => zoom(0.5));
  byId("out").addEventListener("click", () => zoom(2));
  byId("fit").addEventListener("click", () => look(0, length));
  search.addEventListener("input", choose);
  sort.addEventListener("change", choose);

  function walk(step) {
    if (!shown.length) return;
    const index = Math.min(Math.max(chosen + step, 0), shown.length - 1);
    if (index * ROW < scroll.scrollTop) scroll.scrollTop = index * ROW;
    else if ((index + 1) * ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = (index + 1) * ROW - scroll.clientHeight;
    const box = scroll.getBoundingClientRect();
    pin(index, ticks.getBoundingClientRect().left, box.top + (index + 0.5) * ROW - scroll.scrollTop);
  }

  addEventListener("keydown", (event) => {
    if (event.key === "Escape") { unpin(); chosen = -1; search.blur(); draw(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    const wide = view[1] - view[0];
    const keys = {
      "/": () => search.focus(),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => look(0, length),
      ArrowLeft: () => look(view[0] - wide / 8, view[1] - wide / 8),
      ArrowRight: () => look(view[0] + wide / 8, view[1] + wide / 8),
      ArrowDown: () => walk(1), ArrowUp: () => walk(-1),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });

  addStates();
  choose();
  drawAxis(); drawRows(); drawOverview();
})();
