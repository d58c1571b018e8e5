// Draws charts, keeps open what a reader opened while the page renews itself, and asks nothing while nobody looks.
"use strict";

const MARKS = { onset: "--critical", alert: "--high", rollout: "--low", start: "--low", reported: "--low" };

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawMarks(plot, marks) {
  const context = plot.ctx;
  const below = { left: -1, row: 0 };
  context.save();
  context.textAlign = "left";
  context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  for (const mark of [...marks].sort((one, other) => one.at - other.at)) {
    const x = Math.min(Math.max(plot.valToPos(mark.at, "x", true), plot.bbox.left), plot.bbox.left + plot.bbox.width);
    below.row = x - below.left < 70 * devicePixelRatio ? below.row + 1 : 0;
    below.left = x;
    context.strokeStyle = context.fillStyle = colour(MARKS[mark.name] || "--quiet");
    context.lineWidth = 2 * devicePixelRatio;
    context.beginPath();
    context.moveTo(x, plot.bbox.top);
    context.lineTo(x, plot.bbox.top + plot.bbox.height);
    context.stroke();
    const width = context.measureText(mark.name).width;
    const room = plot.bbox.left + plot.bbox.width - x;
    const at = room < width + 8 * devicePixelRatio ? x - width - 4 * devicePixelRatio : x + 4 * devicePixelRatio;
    context.fillText(mark.name, at, plot.bbox.top + (12 + 14 * below.row) * devicePixelRatio);
  }
  context.restore();
}

function drawChart(box) {
  const { times, counts, marks } = JSON.parse(box.dataset.chart);
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
  const clock = (plot, values) => values.map((value) => new Date(value * 1000).toISOString().slice(11, 16));
  const options = {
    width: box.clientWidth,
    height: 190,
    legend: { show: false },
    cursor: { show: false },
    axes: [{ ...axis, values: clock }, { ...axis, size: 44 }],
    scales: { y: { range: (plot, low, high) => [0, Math.max(1, high * 1.25)] } },
    series: [{}, { label: "errors", points: { show: false }, fill: colour("--critical"), stroke: colour("--critical"), paths: uPlot.paths.bars({ size: [0.8] }) }],
    hooks: { draw: [(plot) => drawMarks(plot, marks)] },
  };
  box.replaceChildren();
  new uPlot(options, [times, counts], box);
}

const widths = new WeakMap();
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (widths.get(target) === target.clientWidth) continue;
    widths.set(target, target.clientWidth);
    drawChart(target);
  }
});

function drawCharts() {
  document.querySelectorAll(".chart").forEach((box) => {
    widths.delete(box);
    resized.unobserve(box);
    resized.observe(box);
  });
}

const openIds = new Set();

document.addEventListener("DOMContentLoaded", drawCharts);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  const details = target && (target.closest("details") || target.querySelector(":scope > details[id^='text-']"));
  if (details) details.open = true;
}
addEventListener("hashchange", openTarget);
document.addEventListener("DOMContentLoaded", openTarget);

document.addEventListener("htmx:beforeRequest", (event) => {
  const isRenewal = event.detail.elt.matches("#rows, #incident");
  if (isRenewal && document.hidden) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.target.matches("#rows, #incident")) return;
  openIds.clear();
  document.querySelectorAll("details[open][id]").forEach((details) => openIds.add(details.id));
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (!event.detail.elt.matches("#rows, #incident")) return;
  openIds.forEach((id) => {
    const details = document.getElementById(id);
    if (details) details.open = true;
  });
  drawCharts();
});
