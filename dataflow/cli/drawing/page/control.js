// What a reader does: scroll, zoom, pan, search, ask for details. Then everything begins.

// Pixels that a pointer moves before it drags.
const FAR = 4;

const clamp = (share) => Math.min(1, Math.max(0, share));
const shareOf = (event, box) => clamp((event.clientX - box.left) / box.width);

function indexOf(event) {
  const line = event.target.closest && event.target.closest("#rows .row");
  return line ? Number(line.dataset.index) : -1;
}

// --- the rows ----------------------------------------------------------------------------------

scroll.addEventListener("scroll", () => {
  hideDetails();
  draw();
});

scroll.addEventListener("wheel", (event) => {
  const box = ticks.getBoundingClientRect();
  // With Shift, some systems turn the wheel sideways and others leave that to us.
  const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoom(Math.exp(event.deltaY * 0.002), shareOf(event, box));
  } else if (event.shiftKey || Math.abs(sideways) > Math.abs(event.deltaY)) {
    event.preventDefault();
    pan((sideways / box.width) * shownTime());
  }
}, { passive: false });

rows.addEventListener("mousemove", (event) => {
  const index = indexOf(event);
  if (isPinned || dragged || index < 0) return;
  tell(shown[index]);
  place(event.clientX, event.clientY);
});
rows.addEventListener("mouseleave", hideDetails);

let dragged = null;
rows.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.target.closest(".track")) return;
  dragged = { x: event.clientX, view, isFar: false };
});
addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const move = event.clientX - dragged.x;
  dragged.isFar = dragged.isFar || Math.abs(move) > FAR;
  const ms = (move / trackWidth()) * shownTime();
  if (dragged.isFar) look(dragged.view[0] - ms, dragged.view[1] - ms);
});
addEventListener("pointerup", (event) => {
  const wasFar = dragged && dragged.isFar;
  dragged = null;
  const index = indexOf(event);
  if (wasFar) return;
  if (index >= 0) keepDetails(index, event.clientX, event.clientY);
  else if (!event.target.closest || !event.target.closest("aside")) closeDetails();
});

// --- the strip ---------------------------------------------------------------------------------

let dragStart = null;
const timeOf = (event) => shareOf(event, canvas.getBoundingClientRect()) * LENGTH;
// Less is a click, which moves what is shown there.
const isDrag = (to) => Math.abs(to - dragStart) > LENGTH / 200;

canvas.addEventListener("pointerdown", (event) => {
  dragStart = timeOf(event);
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  const to = timeOf(event);
  if (dragStart !== null && isDrag(to)) look(Math.min(dragStart, to), Math.max(dragStart, to));
});
canvas.addEventListener("pointerup", (event) => {
  const to = timeOf(event), half = shownTime() / 2;
  if (dragStart !== null && !isDrag(to)) look(to - half, to + half);
  dragStart = null;
});
canvas.addEventListener("dblclick", () => look(0, LENGTH));

// --- buttons, fields and keys ------------------------------------------------------------------

byId("in").addEventListener("click", () => zoom(0.5));
byId("out").addEventListener("click", () => zoom(2));
byId("fit").addEventListener("click", () => look(0, LENGTH));
byId("search").addEventListener("input", choose);
byId("sort").addEventListener("change", choose);

for (const [name, { word }] of Object.entries(data.looks)) {
  const count = data.rows.filter((row) => row.look === name).length;
  if (count) byId("states").append(stateButton(name, word, count));
}

function stateButton(name, word, count) {
  const button = element("button"), dot = element("span", "dot");
  dot.style.background = `var(--${name})`;
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  button.append(dot, element("span", "", word), element("b", "", many(count)));
  button.addEventListener("click", () => {
    if (!hidden.delete(name)) hidden.add(name);
    button.setAttribute("aria-pressed", String(!hidden.has(name)));
    choose();
  });
  return button;
}

function walk(step) {
  if (!shown.length) return;
  const index = Math.min(Math.max(chosen + step, 0), shown.length - 1);
  const top = index * ROW;
  const lowest = top + ROW - scroll.clientHeight;
  scroll.scrollTop = Math.max(Math.min(scroll.scrollTop, top), lowest);
  const middle = scroll.getBoundingClientRect().top + top + ROW / 2 - scroll.scrollTop;
  keepDetails(index, ticks.getBoundingClientRect().left, middle);
}

const KEYS = {
  "/": () => byId("search").focus(),
  "+": () => zoom(0.5),
  "=": () => zoom(0.5),
  "-": () => zoom(2),
  "0": () => look(0, LENGTH),
  ArrowLeft: () => pan(-shownTime() / 8),
  ArrowRight: () => pan(shownTime() / 8),
  ArrowDown: () => walk(1),
  ArrowUp: () => walk(-1),
};

addEventListener("keydown", (event) => {
  const isTyping = event.target.matches && event.target.matches("input, select");
  if (event.key === "Escape") {
    closeDetails();
    chosen = -1;
    byId("search").blur();
    draw();
  } else if (event.key in KEYS && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

// --- the beginning -----------------------------------------------------------------------------

new ResizeObserver(draw).observe(scroll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
choose();
drawAll();
