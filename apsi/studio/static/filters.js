// The panel of filters: what can be chosen, how many photos each choice shows, and histograms to brush.
import { say } from "./ask.js";
import { LISTS } from "./address.js";

const SVG = "http://www.w3.org/2000/svg";
const by = (id) => document.getElementById(id);
const RANGES = ["score", "initial", "improvement", "difference"];

export class Filters {
  constructor(address) {
    this.address = address;
    this.ranges = new Map();
    by("filters").addEventListener("submit", (event) => event.preventDefault());
    by("filters").addEventListener("change", (event) => this.chosen(event.target));
  }

  chosen(input) {
    const list = input.closest("[data-list]")?.dataset.list;
    if (list) {
      const values = [...input.closest("[data-list]").querySelectorAll("input:checked")].map((one) => one.value);
      this.address.set({ [list]: values.length === 1 && list === "state" && values[0] === "kept" ? [] : values });
    } else if (input.name === "starred") this.address.set({ starred: input.checked ? "1" : "" });
    else if (input.dataset.run) this.address.set({ [input.dataset.run]: input.value, ...this.withoutTwo(input) });
  }

  // Where one of two runs is taken away, there is no order or range of two any more.
  withoutTwo(input) {
    if (input.value) return {};
    const isOfTwo = ["distance", "difference", "recipes"].includes(this.address.get("sort"));
    return { difference: "", ...(isOfTwo ? { sort: "", down: "" } : {}) };
  }

  showRuns(runs) {
    for (const select of [by("run-a"), by("run-b")]) {
      const none = select.options[0];
      select.replaceChildren(none, ...runs.map((run) => new Option(say("by_run", run), run.key)));
      select.value = this.address.get(select.dataset.run);
    }
  }

  // What the address says, before any count is known.
  follow() {
    document.querySelector("[name=starred]").checked = this.address.get("starred") === "1";
    for (const select of [by("run-a"), by("run-b")]) select.value = this.address.get(select.dataset.run);
    for (const [name, range] of this.ranges) range.follow(this.address.get(name));
  }

  show(counts) {
    document.querySelector("[data-count=starred]").textContent = counts.starred;
    for (const name of LISTS) this.showList(name, counts[name]);
    for (const name of RANGES) this.showRange(name, counts.ranges[name]);
    this.follow();
  }

  showList(name, counts) {
    const place = document.querySelector(`[data-list="${name}"] .choices`);
    const chosen = new Set(this.address.all(name));
    if (name === "state" && !chosen.size) chosen.add("kept");
    const focused = place.contains(document.activeElement) ? document.activeElement.value : null;
    for (const value of chosen) counts[value] ??= 0;
    const values = Object.keys(counts);
    place.replaceChildren(
      ...values.map((value) => {
        const label = document.createElement("label");
        label.className = "switch";
        const box = document.createElement("input");
        Object.assign(box, { type: "checkbox", value, checked: chosen.has(value) });
        const text = document.createElement("span");
        text.className = "value";
        text.textContent = name === "state" ? say(value) : name === "split" && !value ? say("no_split") : value;
        const count = document.createElement("span");
        count.className = "count";
        count.textContent = counts[value];
        label.append(box, text, count);
        return label;
      }),
    );
    place.closest("fieldset").hidden = values.length < (name === "with" ? 1 : 2);
    if (focused !== null) place.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
  }

  showRange(name, found) {
    let range = this.ranges.get(name);
    if (!found) {
      range?.element.remove();
      this.ranges.delete(name);
      return;
    }
    if (!range || range.low !== found.low || range.high !== found.high) {
      const fresh = new Range(name, found, (value, isDone) => this.address.set({ [name]: value }, isDone));
      if (range) range.element.replaceWith(fresh.element);
      else by("ranges").append(fresh.element);
      this.ranges.set(name, (range = fresh));
    }
    range.draw(found.counts);
  }
}

class Range {
  constructor(name, { low, high }, change) {
    Object.assign(this, { name, low, high, change });
    this.element = document.createElement("fieldset");
    this.element.className = "range";
    this.element.dataset.range = name;
    const legend = document.createElement("legend");
    legend.textContent = say(name);
    this.said = document.createElement("output");
    legend.append(" ", this.said);
    this.plot = document.createElementNS(SVG, "svg");
    this.plot.setAttribute("viewBox", "0 0 100 40");
    this.plot.setAttribute("preserveAspectRatio", "none");
    this.plot.setAttribute("aria-hidden", "true");
    this.ends = ["at_least", "at_most"].map((which) => {
      const input = document.createElement("input");
      const step = (high - low) / 100;
      Object.assign(input, { type: "range", min: low, max: high, step, value: which === "at_least" ? low : high });
      input.setAttribute("aria-label", say(which, { figure: say(name) }));
      input.addEventListener("input", () => this.moved(input, false));
      input.addEventListener("change", (event) => {
        event.stopPropagation();
        this.moved(input, true);
      });
      return input;
    });
    this.element.append(legend, this.plot, ...this.ends);
    this.plot.addEventListener("pointerdown", (event) => this.brush(event));
  }

  get values() {
    return this.ends.map((end) => Number(end.value));
  }

  moved(input, isDone) {
    const [low, high] = this.values;
    if (low > high) this.ends[input === this.ends[0] ? 1 : 0].value = input.value;
    this.tell();
    clearTimeout(this.timer);
    if (isDone) this.send(true);
    else this.timer = setTimeout(() => this.send(false), 120);
  }

  send(isDone) {
    const [low, high] = this.values;
    const text = `${low > this.low ? round(low) : ""}:${high < this.high ? round(high) : ""}`;
    this.change(text === ":" ? "" : text, isDone);
  }

  brush(event) {
    const box = this.plot.getBoundingClientRect();
    const at = (x) => this.low + Math.max(0, Math.min(1, (x - box.left) / box.width)) * (this.high - this.low);
    const from = at(event.clientX);
    this.plot.setPointerCapture(event.pointerId);
    const move = (moving) => {
      const to = at(moving.clientX);
      this.ends[0].value = Math.min(from, to);
      this.ends[1].value = Math.max(from, to);
      this.moved(this.ends[0], false);
    };
    this.plot.addEventListener("pointermove", move);
    this.plot.addEventListener("pointerup", () => {
      this.plot.removeEventListener("pointermove", move);
      clearTimeout(this.timer);
      this.send(true);
    }, { once: true });
  }

  follow(text) {
    if (this.ends.includes(document.activeElement)) return this.tell();
    const [low, high] = text ? text.split(":") : ["", ""];
    this.ends[0].value = low || this.low;
    this.ends[1].value = high || this.high;
    this.tell();
  }

  tell() {
    const [low, high] = this.values;
    this.said.textContent = low > this.low || high < this.high ? `${low.toFixed(2)} – ${high.toFixed(2)}` : "";
    const width = 100 / (this.bars?.length || 1);
    this.bars?.forEach((bar, i) => {
      const middle = this.low + ((i + 0.5) * width * (this.high - this.low)) / 100;
      bar.classList.toggle("outside", middle < low || middle > high);
    });
  }

  draw(counts) {
    const most = Math.max(1, ...counts);
    const width = 100 / counts.length;
    this.bars = counts.map((count, i) => {
      const bar = document.createElementNS(SVG, "rect");
      const height = count ? Math.max(1, (38 * count) / most) : 0;
      for (const [key, value] of Object.entries({ x: i * width, y: 40 - height, width: width * 0.9, height })) bar.setAttribute(key, value);
      return bar;
    });
    this.plot.replaceChildren(...this.bars);
    this.tell();
  }
}

const round = (value) => String(Math.round(value * 1e6) / 1e6);
