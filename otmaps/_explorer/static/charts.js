// Charts as SVG: a few curves, axes with round numbers, colours by class.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 330, HEIGHT = 220;
const LEFT = 46, RIGHT = 10, TOP = 10, BOTTOM = 42;

function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
  return [low, high];
}

function roundTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) ticks.push(Math.abs(v) < 1e-9 * step ? 0 : v);
  return ticks;
}

const label = (v) => String(Number(v.toPrecision(4))).replace("-", "−");

export function chart(spec) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = spec.title;
  figure.append(caption);
  if (!spec.curves.length) {
    const none = document.createElement("p");
    none.className = "quiet empty";
    none.textContent = spec.empty || "nothing to draw.";
    figure.append(none);
    return figure;
  }
  const [x0, x1] = extent(spec.curves.flatMap((c) => c.x));
  let [y0, y1] = extent(spec.curves.flatMap((c) => c.y));
  if (spec.zero) { y0 = 0; y1 *= 1.05; }
  const x = (v) => LEFT + (WIDTH - LEFT - RIGHT) * (v - x0) / ((x1 - x0) || 1);
  const y = (v) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (v - y0) / ((y1 - y0) || 1);
  const names = spec.curves.map((c) => c.name).join(", ");
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${spec.title}: ${spec.y} against ${spec.x}; curves: ${names}` });
  for (const tick of roundTicks(x0, x1, 5)) {
    svg.append(element("line", { x1: x(tick), x2: x(tick), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4, class: "axis" }));
    svg.append(element("text", { x: x(tick), y: HEIGHT - BOTTOM + 17, class: "tick middle" }, label(tick)));
  }
  for (const tick of roundTicks(y0, y1, 4)) {
    svg.append(element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "rule" }));
    svg.append(element("text", { x: LEFT - 6, y: y(tick) + 4, class: "tick end" }, label(tick)));
  }
  svg.append(element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM, class: "axis" }));
  for (const curve of spec.curves) {
    const points = curve.x.map((v, i) => `${x(v).toFixed(1)},${y(curve.y[i]).toFixed(1)}`).join(" ");
    svg.append(element("polyline", { points, class: `curve ${curve.name.replace(" ", "-")}` }));
  }
  svg.append(element("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, class: "title middle" }, spec.x));
  figure.append(svg, legend(spec.curves));
  return figure;
}

function legend(curves) {
  const list = document.createElement("ul");
  list.className = "legend";
  for (const { name } of curves) {
    const item = document.createElement("li");
    item.className = name.replace(" ", "-");
    item.textContent = name;
    list.append(item);
  }
  return list;
}
