// Boxes drawn on a picture become numbers in the form, and numbers become boxes. The form alone is sent; the picture is never changed here.
"use strict";
const stage = document.getElementById("stage");
const rows = document.getElementById("rows");
const SIDES = ["x", "y", "width", "height"];
const LIMIT = 64;

const rowList = () => [...rows.querySelectorAll("[data-row]")];
const inputs = (row) => SIDES.map((side) => row.querySelector(`input[name="${side}"]`));

function numbers(row) {
  const values = inputs(row).map((input) => Number.parseFloat(input.value));
  return values.every(Number.isFinite) && values[2] > 0 && values[3] > 0 ? values : null;
}

function paint() {
  const svg = stage?.querySelector("svg");
  if (!svg) return;
  svg.replaceChildren(
    ...rowList().flatMap((row) => {
      const box = numbers(row);
      if (!box) return [];
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      SIDES.forEach((side, place) => rect.setAttribute(side, String(box[place])));
      return [rect];
    }),
  );
}

function emptyRow() {
  const free = rowList().find((row) => inputs(row).every((input) => input.value.trim() === ""));
  if (free || rowList().length >= LIMIT) return free ?? null;
  const made = rowList()[0].cloneNode(true);
  for (const input of inputs(made)) input.value = "";
  made.querySelector("[data-number]").textContent = String(rowList().length + 1);
  rows.append(made);
  return made;
}

function place(event) {
  const frame = stage.querySelector("img").getBoundingClientRect();
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  const [width, height] = [Number(stage.dataset.width), Number(stage.dataset.height)];
  return [
    within(((event.clientX - frame.left) / frame.width) * width, width),
    within(((event.clientY - frame.top) / frame.height) * height, height),
  ];
}

let drawing = null;
stage?.addEventListener("pointerdown", (event) => {
  const row = event.button === 0 ? emptyRow() : null;
  if (!row) return;
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  drawing = { row, from: place(event) };
});
stage?.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const [from, to] = [drawing.from, place(event)];
  const box = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  inputs(drawing.row).forEach((input, side) => {
    input.value = box[2] < 2 || box[3] < 2 ? "" : String(Math.round(box[side]));
  });
  paint();
});
for (const ended of ["pointerup", "pointercancel"]) stage?.addEventListener(ended, () => (drawing = null));

rows.addEventListener("input", paint);
rows.addEventListener("click", (event) => {
  const button = event.target.closest("[data-clear]");
  if (!button) return;
  for (const input of inputs(button.closest("[data-row]"))) input.value = "";
  paint();
});
for (const button of rows.querySelectorAll("[data-clear]")) button.hidden = false;
