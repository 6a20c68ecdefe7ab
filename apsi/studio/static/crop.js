// The crop tool: a frame over the whole photo, moved and resized with the pointer or the keyboard. What it gives is the
// label of a crop, as recipes have it; the empty one is the whole photo.
import { say } from "./ask.js";

const STEP = 0.01; // of a side, for each press of a key
const SMALLEST = 0.05; // of a side
const WHOLE = [0, 0, 1, 1];
const LABEL = /^crop\(([\d.]+),([\d.]+),([\d.]+),([\d.]+)(?:,([^,]+))?\)$/;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class CropTool {
  constructor(place, handlers) {
    this.section = place.querySelector(".crop");
    this.stage = place.querySelector(".stage");
    this.result = place.querySelector(".result");
    this.panel = place.querySelector(".panel");
    this.frame = this.stage.querySelector(".box");
    this.sheet = this.stage.querySelector(".sheet");
    this.image = this.stage.querySelector("img");
    this.handlers = handlers;
    this.width = Number(this.section.dataset.width);
    this.height = Number(this.section.dataset.height);
    this.suggested = this.section.dataset.suggested;
    this.ratios = this.part("ratio");
    this.frame.addEventListener("pointerdown", (event) => this.grab(event));
    this.frame.addEventListener("keydown", (event) => this.pressed(event));
    this.section.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) this.close();
    });
    this.ratios.addEventListener("change", () => this.reshape(this.ratios.value));
    this.part("lines").addEventListener("change", () => this.draw());
  }

  part(name) {
    return this.section.querySelector(`[data-crop=${name}]`);
  }

  get isOpen() {
    return !this.stage.hidden;
  }

  // Shows the whole photo, with the frame where the crop is.
  async open(label, picture) {
    this.image.src = picture;
    await this.image.decode().catch(() => {});
    URL.revokeObjectURL(picture);
    if (this.isOpen) return;
    this.turn(true);
    this.take(label);
    this.frame.focus();
  }

  close() {
    this.turn(false);
    this.image.removeAttribute("src");
    this.section.querySelector("[data-action=crop]").focus();
  }

  turn(isOpen) {
    this.stage.hidden = !isOpen;
    this.result.hidden = isOpen;
    this.panel.classList.toggle("is-cropping", isOpen);
    for (const one of this.section.querySelectorAll("[data-when]")) {
      one.hidden = (one.dataset.when === "open") !== isOpen;
    }
  }

  clicked(action) {
    if (action === "crop-apply") this.apply();
    else if (action === "crop-cancel") this.close();
    else if (action === "crop-suggestion") this.suggest();
    else if (action === "crop-whole") this.take("");
  }

  apply() {
    const label = this.label;
    this.close();
    this.handlers.apply(label);
  }

  // ---- the frame, as shares of the sides

  take(label) {
    const found = LABEL.exec(label);
    this.box = found ? found.slice(1, 5).map(Number) : [...WHOLE];
    this.ratio = found?.[5] ?? "";
    if (![...this.ratios.options].some((option) => option.value === this.ratio)) {
      this.ratios.add(new Option(this.ratio)); // one that was asked for on the command line
    }
    this.ratios.value = this.ratio;
    this.draw();
  }

  // The crop that is suggested, in the shape that was chosen where one was.
  suggest() {
    const chosen = this.ratio;
    this.take(this.suggested);
    if (!chosen || chosen === this.ratio) return;
    this.ratios.value = chosen;
    this.reshape(chosen);
  }

  get label() {
    const label = `crop(${this.box.map((side) => side.toFixed(3)).join(",")}${this.ratio ? `,${this.ratio}` : ""})`;
    const [width, height] = this.size(label);
    return width === this.width && height === this.height ? "" : label;
  }

  // Width and height in pixels, as the server cuts.
  size(label) {
    const found = LABEL.exec(label);
    if (!found) return [this.width, this.height];
    const [x1, y1, x2, y2] = found.slice(1, 5).map(Number);
    const ratio = found[5] === "original" ? [this.width, this.height] : found[5]?.split(":").map(Number);
    let width = Math.max(1, Math.round((x2 - x1) * this.width));
    let height = Math.max(1, Math.round(ratio ? (width * ratio[1]) / ratio[0] : (y2 - y1) * this.height));
    if (height > this.height) {
      height = this.height;
      width = Math.min(this.width, Math.max(1, Math.round((height * ratio[0]) / ratio[1])));
    }
    return [width, height];
  }

  // Share of the width by share of the height; null: any.
  get proportion() {
    if (!this.ratio) return null;
    if (this.ratio === "original") return 1;
    const [across, down] = this.ratio.split(":").map(Number);
    return (across * this.height) / (down * this.width);
  }

  // The same middle and area in another shape, as far as the photo goes.
  reshape(ratio) {
    this.ratio = ratio;
    const locked = this.proportion;
    if (locked) {
      const [x1, y1, x2, y2] = this.box;
      const width = Math.min(Math.sqrt((x2 - x1) * (y2 - y1) * locked), 1, locked);
      this.put((x1 + x2 - width) / 2, (y1 + y2 - width / locked) / 2, width, width / locked);
    } else this.draw();
  }

  put(left, top, width, height) {
    const x = Math.min(Math.max(0, left), 1 - width);
    const y = Math.min(Math.max(0, top), 1 - height);
    this.box = [x, y, x + width, y + height].map((side) => Math.min(1, Math.max(0, side)));
    this.draw();
  }

  move([x1, y1, x2, y2], across, down) {
    this.put(x1 + across, y1 + down, x2 - x1, y2 - y1);
  }

  // Edges and corners (n, e, s, w, ...) follow by shares of the sides; in a given shape the rest of the frame does, too.
  resize([x1, y1, x2, y2], edge, across, down) {
    const toLeft = edge.includes("w");
    const toTop = edge.includes("n");
    const isWide = toLeft || edge.includes("e");
    const isTall = toTop || edge.includes("s");
    let width = x2 - x1 + (toLeft ? -across : isWide ? across : 0);
    let height = y2 - y1 + (toTop ? -down : isTall ? down : 0);
    const locked = this.proportion;
    // how far it can grow: to the edge of the photo, or to both sides of its middle where neither end was taken
    const mostWide = isWide ? (toLeft ? x2 : 1 - x1) : locked ? 2 * Math.min((x1 + x2) / 2, 1 - (x1 + x2) / 2) : 1;
    const mostTall = isTall ? (toTop ? y2 : 1 - y1) : locked ? 2 * Math.min((y1 + y2) / 2, 1 - (y1 + y2) / 2) : 1;
    if (locked) {
      const goesByWidth = isWide && (!isTall || Math.abs(width - x2 + x1) >= Math.abs(height - y2 + y1) * locked);
      if (!goesByWidth) width = height * locked;
      width = Math.max(width, SMALLEST, SMALLEST * locked);
      width = Math.min(width, mostWide, mostTall * locked);
      height = width / locked;
    } else {
      width = Math.min(Math.max(width, SMALLEST), mostWide);
      height = Math.min(Math.max(height, SMALLEST), mostTall);
    }
    const left = toLeft ? x2 - width : isWide || !locked ? x1 : (x1 + x2 - width) / 2;
    const top = toTop ? y2 - height : isTall || !locked ? y1 : (y1 + y2 - height) / 2;
    this.put(left, top, width, height);
  }

  // ---- pointer and keyboard

  grab(event) {
    if (event.button !== 0) return;
    const edge = event.target.dataset.edge;
    const { width, height } = this.sheet.getBoundingClientRect();
    const began = this.box;
    const ended = new AbortController();
    const follow = (now) => {
      if (now.pointerId !== event.pointerId) return;
      const across = (now.clientX - event.clientX) / width;
      const down = (now.clientY - event.clientY) / height;
      if (edge) this.resize(began, edge, across, down);
      else this.move(began, across, down);
    };
    const end = (now) => now.pointerId === event.pointerId && ended.abort();
    this.frame.setPointerCapture(event.pointerId);
    this.frame.addEventListener("pointermove", follow, { signal: ended.signal });
    for (const kind of ["pointerup", "pointercancel"]) this.frame.addEventListener(kind, end, { signal: ended.signal });
  }

  pressed(event) {
    if (event.key === "Enter") this.apply();
    else if (event.key === "Escape") this.close();
    else if (event.key in KEYS && !event.ctrlKey && !event.altKey && !event.metaKey) {
      const [across, down] = KEYS[event.key].map((way) => way * STEP);
      if (!event.shiftKey) this.move(this.box, across, down);
      else this.grow(across, down);
    } else return;
    event.preventDefault();
  }

  // To the right or below; where the photo ends there, the frame makes room by moving.
  grow(across, down) {
    const [x1, y1, x2, y2] = this.box;
    const locked = this.proportion;
    let width = x2 - x1 + across;
    let height = y2 - y1 + down;
    if (locked) {
      width = Math.min(Math.max(across ? width : height * locked, SMALLEST, SMALLEST * locked), 1, locked);
      height = width / locked;
    } else {
      [width, height] = [width, height].map((side) => Math.min(Math.max(side, SMALLEST), 1));
    }
    this.put(x1, y1, width, height);
  }

  // ---- what is shown

  draw() {
    const names = ["left", "top", "right", "bottom"];
    this.box.forEach((side, i) => {
      this.sheet.style.setProperty(`--${names[i]}`, `${100 * (i < 2 ? side : 1 - side)}%`);
    });
    this.frame.dataset.lines = this.part("lines").value;
    this.frame.dataset.label = this.label;
    const numbers = `${this.numbers(this.label)}; ${this.placed()}`;
    this.part("numbers").textContent = numbers;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.part("told").textContent = numbers; // read out once it rests
    }, 500);
  }

  show(label) {
    this.part("now").textContent = this.numbers(label);
    const take = this.section.querySelector("[data-action=crop-take]");
    if (take) take.hidden = label === this.suggested;
  }

  numbers(label) {
    const [width, height] = this.size(label);
    if (!label) return say("crop_whole", { width, height });
    const [x1, y1, x2, y2] = LABEL.exec(label).slice(1, 5).map(Number);
    return say("crop_part", { width, height, area: Math.round(100 * (x2 - x1) * (y2 - y1)) });
  }

  placed() {
    return say("crop_place", { left: Math.round(100 * this.box[0]), top: Math.round(100 * this.box[1]) });
  }
}
