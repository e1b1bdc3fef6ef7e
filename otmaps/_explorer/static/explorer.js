// The page: controls in, pictures and curves out. One question is under way at a time, and the
// newest one goes next, so a slider never waits for values that it has left.

import { chart } from "./charts.js";

const byId = (id) => document.getElementById(id);
const SCORE_AFTER = 700; // ms without a move
const narrow = matchMedia("(max-width: 44rem)");
let catalogue, controls = [], values = {}, scoring = null, scoreTimer = 0, wayKey = "", asked = 0;

// ------------------------------------------------------------------------------ questions

function settings() {
  const layout = document.querySelector("input[name=layout]:checked").value;
  const columns = narrow.matches ? 2 : 4;
  return { model: byId("model").value, prior: byId("prior").value.trim(), operation: byId("operation").value, parameters: values, seed: Number(byId("seed").value) || 0, layout, columns };
}

async function ask(path, question) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question) });
  return response.json();
}

function newestOnly(work) {
  let busy = false, again = false;
  return async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await work(); } while (again);
    } catch (error) {
      tell(`The explorer does not answer (${error.message}). Is it still running?`);
    } finally { busy = false; }
  };
}

const refresh = newestOnly(async () => {
  const begun = performance.now();
  byId("panels").setAttribute("aria-busy", "true");
  const answer = await ask("/present", settings());
  byId("panels").removeAttribute("aria-busy");
  if (answer.error) { tell(answer.error); return; }
  tell("");
  showPresent(answer);
  await Promise.all([...byId("panels").querySelectorAll("img")].map((image) => image.decode()));
  const took = Math.round(performance.now() - begun);
  byId("status").textContent = `Prior ${answer.prior}. Answered in ${took} ms.`;
  byId("panels").dataset.answers = ++asked;
  byId("panels").dataset.milliseconds = took;
  refreshWay();
});

const refreshWay = newestOnly(async () => {
  const question = settings();
  const first = controls.find((c) => c.kind === "number");
  const fixed = { ...question.parameters };
  if (first) delete fixed[first.name]; // a strip spans it
  const key = JSON.stringify({ ...question, parameters: question.layout === "grid" ? {} : fixed });
  if (key === wayKey) { moveMarkers(); return; }
  byId("way").classList.add("stale");
  const answer = await ask("/way", question);
  byId("way").classList.remove("stale");
  wayKey = key;
  showWay(answer);
});

function link() {
  for (const [id, file] of [["get-npz", "latents.npz"], ["get-npy", "latents.npy"], ["get-present", "present.png"], ["get-way", "way.png"]]) {
    byId(id).href = `/download/${file}?settings=${encodeURIComponent(JSON.stringify(settings()))}`;
  }
}

function changed() {
  moveMarkers();
  refresh();
  link();
  byId("scores").classList.add("stale");
  if (scoring) scoring.abort();
  clearTimeout(scoreTimer);
  scoreTimer = setTimeout(score, SCORE_AFTER);
}

async function score() {
  scoring = new AbortController();
  const progress = byId("progress");
  try {
    const question = { ...settings(), images: Number(byId("images").value) };
    const response = await fetch("/scores", { method: "POST", body: JSON.stringify(question), signal: scoring.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    progress.hidden = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) {
        const found = JSON.parse(line);
        if (found.done !== undefined) progress.value = found.done;
        else if (found.rows) showScores(found);
      }
    }
  } catch (error) {
    if (error.name !== "AbortError") tell(`No scores: ${error.message}`);
  } finally { progress.hidden = true; }
}

// ------------------------------------------------------------------------------ answers

function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function tell(problem) {
  byId("problem").hidden = !problem;
  byId("problem").textContent = problem;
}

const shown = (v, digits) => (v === null ? "–" : v.toFixed(digits));
const image = ({ src, alt, width, height }) => make("img", { src, alt, width, height });

function showPresent(answer) {
  byId("operation-name").textContent = answer.operation;
  const panels = answer.panels.map((panel) => make("figure", { className: panel.name },
    make("figcaption", { textContent: panel.name }), image(panel),
    make("p", { className: "numbers", textContent: `KS distance ${shown(panel.ks, 3)}\n|z|² ${panel.norm === null ? "without a mean" : `${shown(panel.norm, 2)} × prior's`}` })));
  if (answer.problem) panels.push(make("figure", { className: "matched" }, make("figcaption", { textContent: "matched" }), make("p", { className: "problem-panel", textContent: answer.problem })));
  byId("panels").classList.toggle("two", panels.length < 3);
  byId("panels").replaceChildren(...panels);
  byId("charts").replaceChildren(...answer.charts.map(chart));
  byId("certificate").textContent = answer.certificate ? answer.certificate : "";
  byId("notes").replaceChildren(...answer.notes.map((note) => make("li", { textContent: note })));
  const npy = byId("get-npy");
  if (answer.problem) npy.setAttribute("aria-disabled", "true"); else npy.removeAttribute("aria-disabled");
}

let span = null;

function showWay(answer) {
  const holder = byId("way");
  span = answer.moving || null;
  if (answer.error || answer.empty) {
    byId("way-facts").textContent = answer.error || answer.empty;
    holder.className = "";
    holder.replaceChildren();
  } else if (answer.layout === "grid") {
    byId("way-facts").textContent = "Four latents in the corners, means between them; slerp along two sides, then across.";
    holder.className = "panels way";
    holder.replaceChildren(...answer.rows.map((row) => make("figure", { className: row.name }, make("figcaption", { textContent: row.name }), image(row))));
  } else {
    byId("way-facts").textContent = `${span.name} from ${span.low} to ${span.high}; the bar marks the present value.`;
    holder.className = "";
    const pairs = [...new Set(answer.rows.map((row) => row.pair))].map((pair) => answer.rows.filter((row) => row.pair === pair));
    holder.replaceChildren(...pairs.map((rows) => make("div", { className: "strip" },
      ...rows.flatMap((row) => [make("span", { className: row.name, textContent: row.name }), make("div", { className: "frames" }, image(row), make("i"))]))));
    moveMarkers();
  }
  byId("way").dataset.shown = wayKey;
}

function moveMarkers() {
  if (!span) return;
  const share = (values[span.name] - span.low) / (span.high - span.low);
  for (const marker of document.querySelectorAll(".frames i")) {
    marker.hidden = !(share >= 0 && share <= 1);
    marker.style.width = `${100 / span.frames}%`;
    marker.style.left = `${100 * share * (1 - 1 / span.frames)}%`;
  }
}

function showScores({ n, rows }) {
  const head = make("tr", {}, ...["latents", "score", "Fréchet", "KS", "|z|² / prior"].map((text) => make("th", { scope: "col", textContent: text })));
  const body = rows.map((row) => make("tr", { className: row.name },
    make("th", { scope: "row", textContent: row.name === "prior" ? "fresh" : row.name }),
    make("td", { textContent: row.score === null ? "–" : `${row.score.toFixed(2)} ± ${row.spread.toFixed(2)}` }),
    make("td", { textContent: row.frechet === null ? "–" : row.frechet.toPrecision(3) }),
    make("td", { textContent: row.ks.toFixed(4) }), make("td", { textContent: shown(row.norm, 3) })));
  const table = byId("scores");
  table.replaceChildren(make("caption", { className: "quiet", textContent: `${n} images of each kind` }), make("thead", {}, head), make("tbody", {}, ...body));
  table.classList.remove("stale");
}

// ------------------------------------------------------------------------------ controls

function slider(id, text, control, value, set) {
  const common = { min: control.low, max: control.high, step: control.step };
  const range = make("input", { type: "range", id, ...common, value });
  const number = make("input", { type: "number", step: "any", value: Number(value.toPrecision(4)) });
  number.setAttribute("aria-label", `${text}, as a number`);
  range.addEventListener("input", () => { number.value = range.value; set(Number(range.value)); });
  number.addEventListener("input", () => {
    if (number.value === "" || !Number.isFinite(number.valueAsNumber)) return;
    range.value = number.value;
    set(number.valueAsNumber);
  });
  return make("div", { className: "slider" }, make("label", { htmlFor: id, textContent: text }), range, number);
}

function rowsOf(control) {
  const set = (value) => { values = { ...values, [control.name]: value }; changed(); };
  const id = `parameter-${control.name}`;
  if (control.kind === "number") return [slider(id, control.name, control, values[control.name], set)];
  if (control.kind === "vector") {
    const rows = values[control.name].map((value, i) => slider(`${id}-${i + 1}`, `${control.name === "weights" ? "w" : control.name}${i + 1}`, control, value, (v) => set(values[control.name].with(i, v))));
    const [fewest, most] = control.lengths;
    if (fewest < most) {
      const count = make("select", { id: `${id}-count` }, ...Array.from({ length: most - fewest + 1 }, (_, i) => make("option", { textContent: fewest + i, selected: fewest + i === values[control.name].length })));
      count.addEventListener("change", () => {
        const length = Number(count.value), old = values[control.name];
        set(Array.from({ length }, (_, i) => old[i] ?? control.value[0]));
        showControls(`${id}-count`);
      });
      rows.unshift(make("div", { className: "slider" }, make("label", { htmlFor: `${id}-count`, textContent: "latents" }), count));
    }
    return rows;
  }
  const input = make("input", control.kind === "flag" ? { type: "checkbox", id, checked: values[control.name] } : { type: "text", id, value: values[control.name], spellcheck: false });
  input.addEventListener("change", () => set(control.kind === "flag" ? input.checked : input.value));
  return [make("div", { className: "slider" }, make("label", { htmlFor: id, textContent: control.name }), input)];
}

function showControls(focus = "") {
  byId("parameters").hidden = !controls.length;
  byId("sliders").replaceChildren(...controls.flatMap(rowsOf));
  if (focus) byId(focus).focus();
}

function chooseOperation() {
  const chosen = catalogue.operations.find((o) => o.name === byId("operation").value);
  controls = chosen.controls;
  values = Object.fromEntries(controls.map((c) => [c.name, c.value]));
  byId("operation-facts").textContent = chosen.doc;
  showControls();
  if (chosen.name === "barycenter") document.querySelector("input[value=grid]").checked = true; // it has no number
}

function chooseModel() {
  const chosen = catalogue.models.find((m) => m.name === byId("model").value);
  byId("prior").placeholder = chosen.prior;
  byId("model-facts").textContent = `${chosen.dim} components${chosen.data ? `; ${chosen.data}` : ""}${chosen.scored ? "" : "; no classifier, so no scores of its images"}.`;
}

function fillModels(name) {
  byId("model").replaceChildren(...catalogue.models.map((m) => make("option", { textContent: m.name, value: m.name })));
  byId("model").value = name;
  chooseModel();
}

async function send(file, query) {
  if (file.size > catalogue.opening.max_upload) return { error: `${file.name} has more than ${Math.floor(catalogue.opening.max_upload / 2 ** 20)} MiB; see otmaps explore --max-upload.` };
  const response = await fetch(`/models?${new URLSearchParams({ file: file.name, ...query })}`, { method: "POST", body: file });
  return response.json();
}

async function openOwn() {
  const say = (text, bad) => { byId("own-answer").textContent = text; byId("own-answer").classList.toggle("error", Boolean(bad)); };
  const [file] = byId("own-file").files, [judge] = byId("own-classifier").files;
  if (!file) { say("Choose an ONNX file first.", true); return; }
  say("Reading …");
  try {
    let found = await send(file, { prior: byId("own-prior").value, dim: byId("own-dim").value });
    if (!found.error && judge) found = await send(judge, { for: found.name });
    if (found.error) { say(found.error, true); return; }
    catalogue.models = [found, ...catalogue.models.filter((m) => m.name !== found.name)];
    fillModels(found.name);
    byId("prior").value = "";
    wayKey = "";
    say(`Opened ${found.name}: ${found.dim} components, ${found.prior}.`);
    changed();
  } catch (error) { say(`It could not be sent: ${error.message}.`, true); }
}

async function start() {
  catalogue = await (await fetch("/catalogue")).json();
  if (catalogue.error) { tell(catalogue.error); return; }
  for (const [name, colour] of Object.entries(catalogue.colours)) document.documentElement.style.setProperty(`--${name}`, colour);
  byId("version").textContent = catalogue.version;
  byId("laws").replaceChildren(...catalogue.laws.map((law) => make("option", { value: law })));
  byId("operation").replaceChildren(...catalogue.operations.map((o) => make("option", { textContent: o.name, value: o.name })));
  byId("operation").value = catalogue.opening.operation;
  byId("prior").value = catalogue.opening.prior;
  fillModels(catalogue.opening.model);
  chooseOperation();
  byId("model").addEventListener("change", () => { chooseModel(); changed(); });
  byId("operation").addEventListener("change", () => { chooseOperation(); changed(); });
  byId("prior").addEventListener("change", changed);
  byId("seed").addEventListener("change", changed);
  byId("images").addEventListener("change", changed);
  byId("resample").addEventListener("click", () => { byId("seed").value = (Number(byId("seed").value) || 0) + 1; changed(); });
  for (const radio of document.querySelectorAll("input[name=layout]")) radio.addEventListener("change", () => { link(); refreshWay(); });
  byId("own-open").addEventListener("click", openOwn);
  narrow.addEventListener("change", changed);
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  changed();
}

start().catch((error) => tell(`The explorer did not start: ${error.message}`));
