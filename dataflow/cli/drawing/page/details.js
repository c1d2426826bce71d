// All that is known of one task, beside the pointer; a click keeps it open.

const PHASES = { waiting: "waited", running: "ran", backing_off: "backed off", instant: "at" };
// Lines of the table.
const MOST_SPANS = 60;

let isPinned = false;

function tell(row) {
  const isTried = row.kind !== "timer";
  const tries = isTried && row.attempts > 1 ? `, ${row.attempts} attempts` : "";
  const state = element("p", "state"), dot = element("span", "dot");
  dot.style.background = `var(--${row.look})`;
  state.append(dot, element("span", "", row.state + tries));
  const parts = [element("h2", "", row.id), state];
  if (row.reason) parts.push(element("p", "reason", row.reason));
  parts.push(element("p", "quiet", [row.kind, row.name, row.version].filter(Boolean).join(" ")));
  if (row.identity) parts.push(element("p", "quiet", `by ${row.identity}`));
  const table = element("table");
  table.append(
    tableRow("th", ["", "from", "after", "took", "state"]),
    ...row.spans.slice(0, MOST_SPANS).map((span) => tableRow("td", tellSpan(span, row, isTried))),
  );
  details.replaceChildren(...parts, table);
  details.hidden = false;
}

function tellSpan([phase, from, to, state, attempt], row, isTried) {
  const isAttempt = phase === "running" && isTried;
  return [
    PHASES[phase] + (isAttempt && row.attempts > 1 ? ` (${attempt})` : ""),
    clock(from, 1),
    duration(from),
    phase === "instant" ? "" : duration(to - from),
    isAttempt ? data.looks[state].word : "",
  ];
}

function tableRow(tag, words) {
  const line = element("tr");
  line.append(...words.map((word) => element(tag, "", word)));
  return line;
}

// Below the pointer and to its right, or where there is room.
function place(x, y) {
  const { width, height } = details.getBoundingClientRect();
  const left = Math.max(12, Math.min(x + 18, innerWidth - width - 12));
  const isRoomBelow = y + 22 + height <= innerHeight - 8;
  details.style.left = `${left}px`;
  details.style.top = `${isRoomBelow ? y + 22 : Math.max(8, y - height - 14)}px`;
}

function keepDetails(index, x, y) {
  chosen = index;
  isPinned = true;
  tell(shown[index]);
  details.classList.add("pinned");
  place(x, y);
  draw();
}

function closeDetails() {
  isPinned = false;
  details.hidden = true;
  details.classList.remove("pinned");
}

function hideDetails() {
  if (!isPinned) details.hidden = true;
}
