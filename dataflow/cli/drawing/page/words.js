// Times in words. All times are milliseconds; those of the chart count from its beginning. What the
// axis says depends on how far one has zoomed, so it cannot be said before: `scale.py` once more.

const SECOND = 1e3, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

// Steps that a person can count in.
const STEPS = [];
for (let power = -3; power < 4; power++) STEPS.push(10 ** power, 2 * 10 ** power, 5 * 10 ** power);
for (const n of [10, 15, 30]) STEPS.push(n * SECOND);
for (const n of [1, 2, 5, 10, 15, 30]) STEPS.push(n * MINUTE);
for (const n of [1, 2, 3, 6, 12]) STEPS.push(n * HOUR);
for (let days = 1; days < 1e5; days *= 2) STEPS.push(days * DAY);

const UNITS = [[DAY, "d", HOUR, "h"], [HOUR, "h", MINUTE, "min"], [MINUTE, "min", SECOND, "s"]];

function duration(ms) {
  if (ms < 0.5) return "0 s";
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 59.95 * SECOND) return `${(ms / SECOND).toFixed(1).replace(/\.0$/, "")} s`;
  for (const [unit, name, smaller, smallerName] of UNITS) {
    const rounded = Math.round(ms / smaller) * smaller;
    const whole = Math.floor(rounded / unit);
    const rest = Math.round((rounded % unit) / smaller);
    if (whole) return `${whole} ${name}` + (rest ? ` ${rest} ${smallerName}` : "");
  }
  return "";
}

// How many it takes to tell steps apart.
const decimals = (step) => Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));

// A mark of the axis.
function elapsed(ms, step) {
  if (ms === 0) return "0";
  if (step >= SECOND) return duration(ms);
  return step < 10
    ? `${ms.toFixed(decimals(step))} ms`
    : `${(ms / SECOND).toFixed(decimals(step / SECOND))} s`;
}

// The time of day, no finer than the steps are; the day, where they are as long.
function clock(ms, step) {
  const at = new Date(data.begin + ms);
  const part = (name, digits = 2) =>
    String(data.utc ? at[`getUTC${name}`]() : at[`get${name}`]()).padStart(digits, "0");
  if (step >= DAY) {
    const month = (data.utc ? at.getUTCMonth() : at.getMonth()) + 1;
    return `${part("FullYear", 4)}-${String(month).padStart(2, "0")}-${part("Date")}`;
  }
  const minutes = `${part("Hours")}:${part("Minutes")}`;
  if (step >= MINUTE) return minutes;
  const seconds = `${minutes}:${part("Seconds")}`;
  if (step >= SECOND) return seconds;
  return `${seconds}.${part("Milliseconds", 3).slice(0, decimals(step / SECOND))}`;
}

const many = (count) => count.toLocaleString("en");
