// The strip on top: how many tasks ran and waited at a time, where attempts went wrong, and which
// part of it all the rows show.

const canvas = byId("overview");
// Parts of the strip's height. Each has a scale of its own: thousands may wait for eight that run.
const HIGHEST = { waiting: 0.9, running: 0.62 };
const FAILURE = 7;

const levels = { waiting: counts("waiting"), running: counts("running") };
const peaks = { waiting: peak(levels.waiting), running: peak(levels.running) };
byId("peak").textContent =
  `at most ${many(peaks.running)} ran, ${many(peaks.waiting)} waited`;

// How many there are from when on.
function counts(phase) {
  const changes = data.rows
    .filter((row) => row.kind !== "timer")
    .flatMap((row) => row.spans)
    .filter(([what]) => what === phase)
    .flatMap(([, from, to]) => [[from, 1], [to, -1]])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let count = 0;
  return changes.map(([at, change]) => [at, (count += change)]);
}

function peak(level) {
  return level.reduce((most, [, count]) => Math.max(most, count), 0);
}

function drawOverview() {
  const scale = window.devicePixelRatio || 1;
  const wide = canvas.clientWidth, high = canvas.clientHeight;
  canvas.width = wide * scale;
  canvas.height = high * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const styles = getComputedStyle(document.documentElement);
  const colour = (name) => styles.getPropertyValue(`--${name}`).trim();
  const x = (ms) => (ms / LENGTH) * wide;

  pen.fillStyle = colour("stripe");
  pen.fillRect(0, 0, wide, high);
  pen.globalAlpha = 0.55;
  drawLevel(pen, "waiting", colour, x, high);
  pen.globalAlpha = 0.85;
  drawLevel(pen, "running", colour, x, high);
  pen.globalAlpha = 1;
  for (const [phase, , to, state] of data.rows.flatMap((row) => row.spans)) {
    if (phase !== "running" || !["failed", "timed_out"].includes(state)) continue;
    pen.fillStyle = colour(state);
    pen.fillRect(x(to) - 1, 0, 2, FAILURE);
  }
  if (view[0] > 0 || view[1] < LENGTH) drawFrame(pen, colour, x, wide, high);
}

function drawLevel(pen, name, colour, x, high) {
  const y = (count) => high - (peaks[name] ? count / peaks[name] : 0) * high * HIGHEST[name];
  pen.fillStyle = colour(name);
  pen.beginPath();
  pen.moveTo(0, high);
  let before = 0;
  for (const [at, count] of levels[name]) {
    pen.lineTo(x(at), y(before));
    pen.lineTo(x(at), y(count));
    before = count;
  }
  pen.lineTo(x(LENGTH), y(before));
  pen.lineTo(x(LENGTH), high);
  pen.fill();
}

// What the rows do not show is dimmed.
function drawFrame(pen, colour, x, wide, high) {
  const left = x(view[0]), right = x(view[1]);
  pen.fillStyle = colour("paper");
  pen.globalAlpha = 0.72;
  pen.fillRect(0, 0, left, high);
  pen.fillRect(right, 0, wide - right, high);
  pen.globalAlpha = 1;
  pen.strokeStyle = colour("running");
  pen.lineWidth = 1.5;
  pen.strokeRect(left + 0.5, 0.75, Math.max(2, right - left - 1), high - 1.5);
}
