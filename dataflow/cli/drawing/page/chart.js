// The axis and the rows. Only the rows in sight are in the document, so that their number does not
// matter. Names come from users: they become text nodes, never markup.

const ROW = 24;
// Rows above and below those in sight.
const SPARE = 8;
// Of a mark on the axis, in pixels.
const TICK = 80, NOW = 50;
// From this width on, in pixels, a bar has room for its sign.
const SIGNED = 10;
const SVG = "http://www.w3.org/2000/svg";

function element(tag, cls, text) {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  return made;
}

// --- the axis ----------------------------------------------------------------------------------

let marks = [];

function drawAxis() {
  const least = (shownTime() * TICK) / Math.max(trackWidth(), 1);
  const step = STEPS.find((one) => one >= least) || STEPS[STEPS.length - 1];
  const first = Math.ceil(view[0] / step - 1e-9), last = Math.floor(view[1] / step + 1e-9);
  marks = Array.from({ length: last - first + 1 }, (_, n) => (first + n) * step);
  const isNowShown = data.open && view[1] >= LENGTH;
  const room = isNowShown ? 100 - (100 * NOW) / trackWidth() : Infinity;
  ticks.replaceChildren(
    ...marks.filter((ms) => percent(ms) <= room).map((ms) => drawTick(ms, step)),
  );
  if (isNowShown) {
    const now = element("div", "tick now", "now");
    now.style.left = "100%";
    ticks.append(now);
  }
}

function drawTick(ms, step) {
  const tick = element("div", "tick", elapsed(ms, step));
  tick.append(element("small", "", clock(ms, step)));
  tick.style.left = `${percent(ms)}%`;
  return tick;
}

// --- the rows ----------------------------------------------------------------------------------

function drawRows() {
  const { scrollTop, clientHeight } = scroll;
  const first = Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
  const last = Math.min(shown.length, Math.ceil((scrollTop + clientHeight) / ROW) + SPARE);
  rows.style.height = `${shown.length * ROW}px`;
  byId("none").hidden = shown.length > 0;
  rows.replaceChildren(...shown.slice(first, last).map((row, n) => drawRow(row, first + n)));
}

function drawRow(row, index) {
  const line = element("div", "row");
  line.classList.toggle("odd", index % 2 === 0);
  line.classList.toggle("chosen", index === chosen);
  line.style.top = `${index * ROW}px`;
  line.dataset.index = index;
  const name = element("div", "names", row.label);
  name.title = row.id;
  const track = element("div", "track"), clip = element("div", "clip");
  const chart = element("div", "chart");
  chart.style.width = `${trackWidth()}px`;
  chart.append(...marks.map(drawGrid), ...drawSpans(row.spans), ...drawBehind(row));
  clip.append(chart);
  track.append(clip);
  line.append(name, track);
  return line;
}

function drawGrid(ms) {
  const line = element("div", "grid");
  line.style.left = `${percent(ms)}%`;
  return line;
}

const drawSpans = (spans) =>
  spans.filter(([, from, to]) => from <= view[1] && to >= view[0]).map(drawSpan);

function drawSpan([phase, from, to, state]) {
  const left = Math.max(from, view[0]), right = Math.min(to, view[1]);
  const bar = element("div", `span ${phase}`);
  bar.style.left = `${percent(left)}%`;
  if (phase !== "instant") bar.style.width = `${percent(right) - percent(left)}%`;
  if (phase === "waiting" || phase === "backing_off") return bar;
  bar.style.background = `var(--${state})`;
  bar.classList.toggle("timer", state === "timer");
  const { sign } = data.looks[state];
  const pixels = ((right - left) / shownTime()) * trackWidth();
  if (phase === "running" && sign && pixels >= SIGNED) bar.append(drawSign(sign));
  return bar;
}

function drawSign(path) {
  const picture = document.createElementNS(SVG, "svg");
  const sign = document.createElementNS(SVG, "path");
  picture.setAttribute("viewBox", "-5 -5 10 10");
  sign.setAttribute("d", path);
  picture.append(sign);
  return picture;
}

// What is written behind the last bar, if its end is in sight.
function drawBehind(row) {
  const [, from] = row.spans[row.spans.length - 1];
  const end = Math.max(...row.spans.map(([, , to]) => to));
  if (end < view[0] || end > view[1]) return [];
  const told = element("span", "behind", row.behind);
  // A bar is at least so wide.
  told.style.left = `max(${percent(end)}%, ${percent(from)}% + 3px)`;
  return [told];
}
