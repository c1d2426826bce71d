// What is shown: which part of the time, and which tasks in which order.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const [scroll, rows, ticks, details] = ["scroll", "rows", "ticks", "details"].map(byId);

// An execution of no length has an axis, too.
const LENGTH = Math.max(data.length, 1);
// The shortest time that can be zoomed to.
const LEAST = 0.05;

let view = [0, LENGTH];
let shown = data.rows;
// Of the task whose details are kept open: its place among those shown.
let chosen = -1;
// Looks that are left out.
const hidden = new Set();

const shownTime = () => view[1] - view[0];
const percent = (ms) => (100 * (ms - view[0])) / shownTime();
// In pixels. The rows have a scroll bar beside them, the axis has none: this is the one measure.
const trackWidth = () => ticks.clientWidth;

let isDue = false;
function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    drawAll();
  });
}

function drawAll() {
  drawAxis();
  drawRows();
  drawOverview();
}

function look(from, to) {
  const time = Math.min(Math.max(to - from, LEAST), LENGTH);
  const begin = Math.min(Math.max(from, 0), LENGTH - time);
  view = [begin, begin + time];
  draw();
}

// `share`: the part of the time that stays where it is.
function zoom(factor, share = 0.5) {
  const at = view[0] + share * shownTime();
  look(at - share * shownTime() * factor, at + (1 - share) * shownTime() * factor);
}

const pan = (ms) => look(view[0] + ms, view[1] + ms);

for (const row of data.rows) {
  const parts = [row.label, row.id, row.name, row.state, row.reason, row.identity];
  row.text = parts.filter(Boolean).join("\n").toLowerCase();
}

const ORDERS = {
  scheduled: () => 0,
  name: (a, b) =>
    a.name.localeCompare(b.name, "en") || a.label.localeCompare(b.label, "en", { numeric: true }),
  running: (a, b) => (b.running || 0) - (a.running || 0),
  waiting: (a, b) => b.waiting - a.waiting,
  attempts: (a, b) => b.attempts - a.attempts,
};

function choose() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = data.rows
    .filter((row) => !hidden.has(row.look) && words.every((word) => row.text.includes(word)))
    .sort(ORDERS[byId("sort").value]);
  chosen = -1;
  closeDetails();
  const all = many(data.rows.length);
  byId("count").textContent =
    shown.length === data.rows.length ? `${all} tasks` : `${many(shown.length)} of ${all} tasks`;
  scroll.scrollTop = 0;
  draw();
}
