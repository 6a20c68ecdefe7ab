// A grid of any number of photos, of which only those in sight are in the page.
import { ask, say } from "./ask.js";

const CHUNK = 100; // photos that are asked for at a time
const KEPT = 30; // chunks
const TALLEST = 8_000_000; // pixels that every browser can scroll through
const BESIDE = 2; // rows above and below what is in sight

const figure = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));

export class Grid {
  constructor(element, space, hooks) {
    this.element = element;
    this.space = space;
    this.hooks = hooks;
    this.total = 0;
    this.active = 0;
    this.query = null;
    this.chunks = new Map();
    this.asked = new Map();
    this.lines = new Map();
    element.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(element);
    element.addEventListener("click", (event) => this.clicked(event));
    element.addEventListener("keydown", (event) => this.pressed(event));
    element.addEventListener("focusin", (event) => {
      const cell = event.target.closest("[role=gridcell]");
      if (cell) this.activate(Number(cell.dataset.index));
    });
  }

  get isPair() {
    return new URLSearchParams(this.query).has("a") && new URLSearchParams(this.query).has("b");
  }

  // Shows what a query finds; what was there stays until the answer has come.
  async show(query, keepsPlace = false) {
    this.forget();
    const mine = (this.showing = (this.showing ?? 0) + 1);
    const place = keepsPlace ? this.active : 0;
    const first = keepsPlace ? Math.floor(this.firstShown / CHUNK) : 0;
    let answer;
    try {
      answer = await (await ask(`photos?${query}&from=${first * CHUNK}&count=${CHUNK}`)).json();
    } catch (error) {
      if (mine === this.showing) this.hooks.failed(error);
      return;
    }
    if (mine !== this.showing) return;
    this.forget();
    this.query = query;
    this.chunks.set(first, answer.rows);
    this.total = answer.total;
    this.active = Math.min(place, Math.max(0, answer.total - 1));
    if (!keepsPlace) this.element.scrollTop = 0;
    const hadFocus = this.empty();
    this.resized();
    if (hadFocus) this.focus(this.active);
    this.hooks.shown(answer);
  }

  forget() {
    for (const controller of this.asked.values()) controller.abort();
    this.asked.clear();
    this.chunks.clear();
  }

  // Takes all lines away. Whether one of them had the focus, which the grid itself has then.
  empty() {
    const lines = [...this.lines.values()];
    const hadFocus = lines.some((line) => line.contains(document.activeElement));
    if (hadFocus) this.element.focus({ preventScroll: true });
    for (const line of lines) line.remove();
    this.lines.clear();
    return hadFocus;
  }

  row(index) {
    return this.chunks.get(Math.floor(index / CHUNK))?.[index % CHUNK];
  }

  // The row of a photo that may be out of sight.
  async rowAt(index) {
    if (index < 0 || index >= this.total) return null;
    if (!this.row(index)) await this.fetch(Math.floor(index / CHUNK));
    return this.row(index) ?? null;
  }

  changeStar(id, starred) {
    for (const rows of this.chunks.values()) for (const row of rows) if (row.id === id) row.starred = starred;
    for (const cell of this.element.querySelectorAll(`[data-id="${id}"]`)) mark(cell, starred);
  }

  // ---- measures

  resized() {
    const width = this.element.clientWidth;
    if (!width) return;
    const least = this.isPair ? 230 : width < 500 ? 105 : 150;
    const columns = Math.max(1, Math.floor((width - 4) / least));
    const side = Math.floor((width - 4) / columns);
    const height = Math.round((this.isPair ? side / 2 : side) * 0.8) + 62;
    const rows = Math.ceil(this.total / columns);
    let hadFocus = false;
    if (columns !== this.columns || height !== this.height) {
      const first = this.columns ? this.firstShown : 0;
      hadFocus = this.empty();
      Object.assign(this, { columns, height });
      this.measure(rows);
      if (first) this.bring(first);
    } else this.measure(rows);
    this.element.setAttribute("aria-rowcount", rows);
    this.element.setAttribute("aria-colcount", columns);
    this.element.style.setProperty("--columns", columns);
    this.element.style.setProperty("--row", `${height}px`);
    this.draw();
    if (hadFocus) this.focus(this.active);
  }

  measure(rows) {
    this.real = rows * this.height;
    const shown = Math.min(this.real, TALLEST);
    this.space.style.height = `${shown}px`;
    const view = this.element.clientHeight;
    this.factor = shown > view ? Math.max(1, (this.real - view) / (shown - view)) : 1;
  }

  get top() {
    return this.element.scrollTop * this.factor;
  }

  get firstShown() {
    return Math.floor(this.top / this.height) * this.columns || 0;
  }

  bring(index) {
    const top = Math.floor(index / this.columns) * this.height;
    const view = this.element.clientHeight;
    if (top < this.top) this.element.scrollTop = top / this.factor;
    else if (top + this.height > this.top + view) this.element.scrollTop = Math.ceil((top + this.height - view) / this.factor);
  }

  // ---- drawing

  later() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.draw();
    });
  }

  draw() {
    if (!this.columns || this.query === null) return;
    const rows = Math.ceil(this.total / this.columns);
    const first = Math.max(0, Math.floor(this.top / this.height) - BESIDE);
    const last = Math.min(rows - 1, Math.ceil((this.top + this.element.clientHeight) / this.height) + BESIDE);
    for (const [number, line] of this.lines) {
      if (number < first || number > last) {
        if (line.contains(document.activeElement)) this.element.focus({ preventScroll: true });
        line.remove();
        this.lines.delete(number);
      }
    }
    const offset = this.element.scrollTop - this.top;
    for (let number = first; number <= last; number++) {
      const line = this.lines.get(number) ?? this.line(number);
      line.style.transform = `translateY(${number * this.height + offset}px)`;
      this.fill(line, number);
    }
    this.need(first * this.columns, Math.min(this.total, (last + 1) * this.columns));
  }

  line(number) {
    const line = document.createElement("div");
    line.className = "line";
    line.setAttribute("role", "row");
    line.setAttribute("aria-rowindex", number + 1);
    const after = [...this.lines.keys()].filter((other) => other > number).sort((a, b) => a - b)[0];
    this.space.insertBefore(line, after === undefined ? null : this.lines.get(after));
    this.lines.set(number, line);
    return line;
  }

  fill(line, number) {
    if (line.dataset.full) return;
    const start = number * this.columns;
    const indices = Array.from({ length: Math.min(this.columns, this.total - start) }, (_, i) => start + i);
    const rows = indices.map((index) => this.row(index));
    if (!rows.every(Boolean)) return;
    line.dataset.full = "1";
    line.replaceChildren(...indices.map((index, i) => this.cell(index, rows[i])));
  }

  cell(index, row) {
    const cell = document.createElement("div");
    cell.className = "cell";
    cell.setAttribute("role", "gridcell");
    cell.tabIndex = index === this.active ? 0 : -1;
    cell.dataset.index = index;
    cell.dataset.id = row.id;
    cell.setAttribute("aria-label", say("cell", { name: row.name, score: row.score === null ? say("missing") : figure(row.score) }));
    const shown = document.createElement("div");
    shown.className = "shown";
    for (const kind of row.episodes ?? ["photo"]) shown.append(picture(row, kind));
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = row.name.split("/").at(-1) || row.name;
    name.title = row.name;
    const said = document.createElement("span");
    said.className = "said";
    said.textContent = row.finals
      ? `A ${figure(row.finals[0])} · B ${figure(row.finals[1])} · ${say("differs", { n: row.distance ?? "–" })}`
      : row.state === "kept"
        ? `${figure(row.score)} · ${row.edits === 1 ? say("one_edit") : say("edits", { n: row.edits })}`
        : say(row.state);
    const star = document.createElement("button");
    star.type = "button";
    star.className = "star";
    star.tabIndex = -1;
    star.textContent = "★";
    cell.append(shown, name, said, star);
    mark(cell, row.starred);
    return cell;
  }

  need(from, to) {
    const wanted = new Set();
    for (let chunk = Math.floor(from / CHUNK); chunk * CHUNK < to; chunk++) wanted.add(chunk);
    for (const [chunk, controller] of this.asked) if (!wanted.has(chunk) && !controller.waited) controller.abort();
    for (const chunk of wanted) if (!this.chunks.has(chunk) && !this.asked.has(chunk)) this.soon(chunk);
  }

  soon(chunk) {
    clearTimeout(this.timer);
    this.pending = new Set([...(this.pending ?? []), chunk]);
    this.timer = setTimeout(() => {
      const from = Math.floor(Math.max(0, this.firstShown - BESIDE * this.columns) / CHUNK);
      const to = Math.floor((this.firstShown + (this.lines.size + 1) * this.columns) / CHUNK);
      for (const one of this.pending) if (one >= from && one <= to) this.fetch(one).catch((error) => this.hooks.failed(error));
      this.pending.clear();
    }, 30);
  }

  async fetch(chunk) {
    if (this.chunks.has(chunk)) return;
    const controller = new AbortController();
    this.asked.set(chunk, controller);
    const query = this.query;
    try {
      const answer = await (await ask(`photos?${query}&from=${chunk * CHUNK}&count=${CHUNK}`, { signal: controller.signal })).json();
      if (query !== this.query || this.asked.get(chunk) !== controller) return;
      this.chunks.set(chunk, answer.rows);
      for (const old of this.chunks.keys()) {
        if (this.chunks.size <= KEPT) break;
        if (Math.abs(old - chunk) > 3) this.chunks.delete(old);
      }
      if (answer.total !== this.total) this.hooks.changed();
      else this.draw();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      if (this.asked.get(chunk) === controller) this.asked.delete(chunk);
    }
  }

  // ---- walking

  activate(index) {
    if (index === this.active) return;
    const old = this.element.querySelector(`[data-index="${this.active}"]`);
    if (old) old.tabIndex = -1;
    this.active = index;
    const cell = this.element.querySelector(`[data-index="${index}"]`);
    if (cell) cell.tabIndex = 0;
  }

  async focus(index) {
    if (!this.total) return;
    this.activate(Math.max(0, Math.min(this.total - 1, index)));
    this.bring(this.active);
    this.draw();
    await this.rowAt(this.active);
    this.draw();
    this.element.querySelector(`[data-index="${this.active}"]`)?.focus({ preventScroll: true });
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height)) * this.columns;
    const moves = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns,
      PageUp: -page, PageDown: page, Home: -this.total, End: this.total,
    };
    if (event.key in moves) {
      event.preventDefault();
      this.focus(this.active + moves[event.key]);
    } else if (event.key === "Enter" && !event.target.closest("button")) {
      event.preventDefault();
      const row = this.row(this.active);
      if (row) this.hooks.open(this.active, row);
    } else if (event.key.toLowerCase() === "s") {
      const row = this.row(this.active);
      if (row) this.hooks.star(row.id, !row.starred);
    }
  }

  clicked(event) {
    const cell = event.target.closest("[role=gridcell]");
    if (!cell) return;
    const index = Number(cell.dataset.index);
    const row = this.row(index);
    this.activate(index);
    if (event.target.closest(".star")) this.hooks.star(row.id, !row.starred);
    else this.hooks.open(index, row);
  }
}

function picture(row, kind) {
  const none = () => {
    const text = document.createElement("span");
    text.className = "gone";
    text.textContent = say("gone");
    return text;
  };
  if (row.state === "skipped") return none();
  const image = document.createElement("img");
  image.alt = "";
  image.decoding = "async";
  image.draggable = false;
  image.addEventListener("error", () => image.replaceWith(none()), { once: true });
  image.src = `thumbnails/${row.id}/${kind}`;
  return image;
}

function mark(cell, starred) {
  const star = cell.querySelector(".star");
  star.setAttribute("aria-pressed", String(starred));
  star.setAttribute("aria-label", say(starred ? "unstar" : "star"));
}
