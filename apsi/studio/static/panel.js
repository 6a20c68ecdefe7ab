// One photo: its steps are switched and re-weighted by hand; the picture follows at once, the score a moment later.
import { ask, post, say } from "./ask.js";
import { CropTool } from "./crop.js";

const remembered = new Map(); // choices by photo, while the page is open

export function forget(id) {
  remembered.delete(id);
}

export class Panel {
  constructor(place, photo, handlers) {
    this.place = place;
    this.photo = photo;
    this.handlers = handlers;
    this.busy = false;
    this.wanted = false;
    this.ended = new AbortController();
  }

  async open() {
    const answer = await ask(`photos/${this.photo.id}`, { signal: this.ended.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (this.ended.signal.aborted) return; // another photo is shown by now
    this.place.replaceChildren(...page.body.children);
    this.rows = [...this.place.querySelectorAll(".choices > li")];
    this.after = this.place.querySelector(".after");
    this.before = this.place.querySelector(".result img:not(.after)");
    this.decided = this.place.querySelector(".crop").dataset.decided;
    this.crop = this.shownCrop = this.decided;
    this.tool = new CropTool(this.place, { apply: (label) => this.cut(label) });
    this.tool.show(this.crop);
    this.place.firstElementChild.addEventListener("input", (event) => this.changed(event));
    this.place.firstElementChild.addEventListener("click", (event) => this.clicked(event));
    this.restore(remembered.get(this.photo.id));
  }

  close() {
    this.ended.abort();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  choice(row) {
    const range = row.querySelector("input[type=range]");
    if (!row.querySelector("input[type=checkbox]").checked) return "off";
    return range?.dataset.chosen ?? "on";
  }

  get steps() {
    return this.rows.map((row) => this.choice(row)).join(",");
  }

  // What the server is asked for: the crop is named where it is not the one that was decided.
  get query() {
    const steps = { steps: this.steps };
    return this.crop === this.decided ? steps : { ...steps, crop: this.crop };
  }

  get isAsSuggested() {
    return this.crop === this.decided && this.rows.every((row) => this.choice(row) === "on");
  }

  restore(before) {
    if (!before) return;
    this.crop = before.crop;
    this.rows.forEach((row, i) => {
      const range = row.querySelector("input[type=range]");
      const choice = before.choices[i];
      row.querySelector("input[type=checkbox]").checked = choice.on;
      if (range && choice.chosen !== undefined) this.weigh(range, choice.chosen);
      row.classList.toggle("off", !choice.on);
    });
    this.refresh();
  }

  remember() {
    const choices = this.rows.map((row) => ({
      on: row.querySelector("input[type=checkbox]").checked,
      chosen: row.querySelector("input[type=range]")?.dataset.chosen,
    }));
    remembered.set(this.photo.id, { choices, crop: this.crop });
  }

  cut(label) {
    if (label === this.crop) return;
    this.crop = label;
    this.remember();
    this.refresh();
  }

  takeSuggestion() {
    this.cut(this.tool.suggested);
    this.place.querySelector("[data-action=crop]").focus(); // the button that was pressed is gone
  }

  async openTool() {
    const query = new URLSearchParams({ steps: this.steps, crop: "" });
    try {
      const answer = await ask(`photos/${this.photo.id}/preview?${query}`, { signal: this.ended.signal });
      await this.tool.open(this.crop, URL.createObjectURL(await answer.blob()));
    } catch (error) {
      if (error.name !== "AbortError") this.handlers.tell(error.message, true);
    }
  }

  weigh(range, strength) {
    range.value = Number(strength); // "+0.4" is no number to it
    range.dataset.chosen = signed(strength);
    range.parentElement.querySelector(".amount").textContent = range.dataset.chosen;
  }

  changed(event) {
    const row = event.target.closest(".choices > li");
    if (!row) return;
    if (event.target.type === "range") {
      this.weigh(event.target, event.target.value);
      row.querySelector("input[type=checkbox]").checked = true;
    }
    row.classList.toggle("off", this.choice(row) === "off");
    this.remember();
    this.refresh();
  }

  // One question at a time and always the latest: answers to earlier ones are never waited for, nor shown late.
  async refresh() {
    const reset = this.place.querySelector("[data-action=reset]");
    if (reset) reset.disabled = this.isAsSuggested;
    this.place.querySelector(".keep").hidden = !this.rows.length && !this.crop;
    this.tool.show(this.crop);
    this.wanted = true;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted) {
        this.wanted = false;
        const asked = { steps: this.steps, crop: this.crop, query: new URLSearchParams(this.query) };
        await this.showPreview(asked);
        if (!this.wanted) await this.showSaid(asked);
      }
    } catch (error) {
      if (error.name !== "AbortError") this.handlers.tell(error.message, true);
    } finally {
      this.busy = false;
    }
  }

  async showPreview({ steps, crop, query }) {
    const began = performance.now();
    const answer = await ask(`photos/${this.photo.id}/preview?${query}`, { signal: this.ended.signal });
    if (answer.status === 204) return;
    const url = URL.createObjectURL(await answer.blob());
    if (this.before && crop !== this.shownCrop) await this.showBefore(crop); // both have the same frame
    this.after.src = url;
    await this.after.decode().catch(() => {});
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = url;
    this.shownCrop = crop;
    this.place.firstElementChild.dataset.shown = steps;
    this.place.firstElementChild.dataset.crop = crop;
    performance.measure("preview", { start: began, end: performance.now() });
  }

  async showBefore(crop) {
    const image = new Image();
    image.src = `photos/${this.photo.id}/before?${new URLSearchParams({ crop })}`;
    await image.decode().catch(() => {});
    this.before.src = image.src;
  }

  async showSaid({ steps, query }) {
    const answer = await ask(`photos/${this.photo.id}/said?${query}`, { signal: this.ended.signal });
    const said = await answer.json();
    if (this.wanted) return;
    this.write("heading", said.heading);
    this.write("verdict", said.verdict);
    if (!this.rows.length) this.write("lead", this.crop ? "" : said.lead); // of a crop by hand it would say what the hand has done
    const opinions = this.place.querySelector("[data-said=opinions]");
    opinions?.replaceChildren(...said.opinions.map((text) => paragraph(text)));
    const isOn = steps.split(",").map((choice) => choice !== "off" && Number(choice) !== 0);
    const on = this.rows.filter((_, i) => isOn[i]);
    for (const row of this.rows) row.querySelector("[data-said=warning]").hidden = true;
    on.forEach((row, i) => {
      row.querySelector("[data-said=sentence]").textContent = said.steps[i].sentence;
      row.querySelector("[data-said=why]").textContent = said.steps[i].said;
      const warning = row.querySelector("[data-said=warning]");
      warning.textContent = said.steps[i].warning;
      warning.hidden = !said.steps[i].warning;
    });
    this.place.firstElementChild.dataset.said = steps;
    this.handlers.settled(this.photo, query, said.heading);
  }

  write(name, text) {
    const element = this.place.querySelector(`[data-said=${name}]`);
    element.textContent = text;
    element.hidden = !text;
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.file) this.save(button);
    else if (button.dataset.action === "reset") this.reset();
    else if (button.dataset.action === "crop") this.openTool();
    else if (button.dataset.action === "crop-take") this.takeSuggestion();
    else if (button.dataset.action?.startsWith("crop-")) this.tool.clicked(button.dataset.action);
    else if (button.dataset.action === "remove") this.handlers.remove(this.photo);
  }

  reset() {
    for (const row of this.rows) {
      const range = row.querySelector("input[type=range]");
      row.querySelector("input[type=checkbox]").checked = true;
      row.classList.remove("off");
      if (!range) continue;
      this.weigh(range, range.dataset.decided);
      delete range.dataset.chosen;
    }
    this.crop = this.decided;
    remembered.delete(this.photo.id);
    this.rows[0].querySelector("input").focus();
    this.refresh();
  }

  async save(button) {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    this.handlers.tell(say("preparing"));
    const strip = this.place.querySelector("#strip-gps").checked;
    try {
      const answer = await post(`photos/${this.photo.id}/files/${button.dataset.file}`, {
        ...this.query,
        strip_gps: strip,
      });
      const file = await answer.json();
      const link = document.createElement("a");
      link.href = file.href;
      link.download = file.name;
      document.body.append(link);
      link.click();
      link.remove();
      this.note(file.said);
      this.handlers.tell(say("ready", { name: file.name }));
    } catch (error) {
      this.handlers.tell(error.message, true);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }

  note(said) {
    const notes = this.place.querySelector("#notes");
    notes.hidden = !said.length;
    notes.replaceChildren(...said.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }
}

function signed(value) {
  const number = Number(value);
  return `${number < 0 ? "-" : "+"}${Math.abs(number).toFixed(3)}`;
}

function paragraph(text) {
  return Object.assign(document.createElement("p"), { textContent: text, className: "soft" });
}
