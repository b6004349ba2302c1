"use strict";
// Sorting, slice sliders and links into volumes; without scripts every slice is simply shown.
document.documentElement.classList.add("js");

function sortBy(table, column, button) {
  const header = button.closest("th");
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) {
    if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  }
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === ""); // what has no value stays below
    const numeric = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
    const order = numeric ? Number(x) - Number(y) : x.localeCompare(y, undefined, { numeric: true });
    return descending ? -order : order;
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(compare));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = cell.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(table, column, button));
  });
}

class Viewer {
  constructor(root) {
    this.slices = [...root.querySelectorAll(".slice")];
    this.slider = root.querySelector("input[type=range]");
    this.output = root.querySelector("output");
    this.bars = [...root.querySelectorAll(".profile rect")];
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
    for (const button of root.querySelectorAll("button[data-slice]")) {
      button.addEventListener("click", () => this.showSlice(Number(button.dataset.slice)));
    }
    for (const bar of this.bars) bar.addEventListener("click", () => this.showSlice(Number(bar.dataset.slice)));
    this.show(Number(this.slider.value));
  }

  show(position) {
    this.slices.forEach((slice, i) => slice.classList.toggle("current", i === position));
    const current = this.slices[position];
    this.slider.value = String(position);
    this.slider.setAttribute("aria-valuetext", current.dataset.place);
    this.output.textContent = current.dataset.place;
    for (const bar of this.bars) bar.classList.toggle("current", bar.dataset.slice === current.dataset.slice);
  }

  // the nearest slice that the page holds
  showSlice(index) {
    const distances = this.slices.map((slice) => Math.abs(Number(slice.dataset.slice) - index));
    this.show(distances.indexOf(Math.min(...distances)));
  }
}

const viewers = new Map();
for (const root of document.querySelectorAll(".viewer")) {
  viewers.set(root.closest(".volume").id, new Viewer(root));
}

function open(id) {
  const volume = document.getElementById(id);
  if (!volume || !volume.classList.contains("volume")) return;
  volume.open = true;
  volume.scrollIntoView({ block: "start" });
  volume.querySelector("summary").focus({ preventScroll: true });
}

for (const link of document.querySelectorAll("a[data-volume]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault(); // the browser's own jump would take the focus away again
    history.pushState(null, "", `#${link.dataset.volume}`);
    const viewer = viewers.get(link.dataset.volume);
    if (viewer && link.dataset.slice !== undefined) viewer.showSlice(Number(link.dataset.slice));
    open(link.dataset.volume);
  });
}
const follow = () => open(location.hash.slice(1));
window.addEventListener("popstate", follow);
if (location.hash) follow();
