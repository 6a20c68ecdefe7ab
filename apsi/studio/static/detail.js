// One photo: its pictures beside each other, what was done to it, what jurors and runs say of it.
import { ask, say } from "./ask.js";

const by = (id) => document.getElementById(id);
const figure = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));

function make(tag, text = "", name = "") {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (name) made.className = name;
  return made;
}

export class Detail {
  constructor(hooks) {
    this.hooks = hooks;
    this.dialog = by("detail");
    this.chosen = { left: null, right: null }; // what was chosen at earlier photos: a kind, or a run's policy
    this.photo = null;
    for (const side of ["left", "right"]) {
      by(side).addEventListener("change", () => {
        this.chosen[side] = by(side).selectedOptions[0]?.dataset.key ?? null;
        this.draw();
      });
      by(`${side}-picture`).addEventListener("error", () => this.failed(side));
      by(`${side}-picture`).addEventListener("load", () => this.loaded());
    }
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.hooks.close();
    });
    this.dialog.addEventListener("keydown", (event) => this.pressed(event));
  }

  get isOpen() {
    return this.dialog.open;
  }

  async open(id, pair = null) {
    const mine = (this.opening = (this.opening ?? 0) + 1);
    let photo;
    try {
      photo = await (await ask(`photos/${id}`)).json();
    } catch (error) {
      if (mine !== this.opening) return;
      photo = null;
      by("detail-wrong").textContent = error.message;
    }
    if (mine !== this.opening) return;
    this.photo = photo;
    if (photo) this.fill(photo, pair);
    else for (const id of ["seen", "runs-part", "jurors-part"]) by(id).hidden = true;
    if (!this.dialog.open) {
      this.dialog.showModal();
      by("photo-title").focus();
    }
    this.dialog.scrollTop = 0;
    this.dialog.dataset.photo = photo?.id ?? "";
  }

  close() {
    this.opening = (this.opening ?? 0) + 1;
    this.photo = null;
    delete this.dialog.dataset.photo;
    if (this.dialog.open) this.dialog.close();
  }

  fill(photo, pair) {
    by("detail-wrong").textContent = "";
    by("photo-title").textContent = photo.name;
    this.changeStar(photo.starred);
    this.fillFacts(photo);
    by("steps").replaceChildren(...steps(photo.steps));
    by("jurors-part").hidden = !photo.jurors.length;
    by("jurors").replaceChildren(
      ...photo.jurors.map((one) => {
        const row = make("tr");
        row.append(make("th", one.juror || "–"), make("td", figure(one.score)), make("td", figure(one.initial)));
        return row;
      }),
    );
    by("runs-part").hidden = !photo.played.length;
    by("played").replaceChildren(...photo.played.map(played));
    by("seen").hidden = !photo.shown;
    if (photo.shown) this.fillSides(photo, pair);
  }

  fillFacts(photo) {
    const facts = [
      [say("set"), photo.set],
      [say("split"), photo.split],
      [say("state"), say(photo.state)],
      [say("reason"), photo.reason],
      [say("score"), photo.score === null ? "" : figure(photo.score)],
      [say("initial"), photo.initial === null ? "" : figure(photo.initial)],
      [say("size"), photo.width ? `${photo.width} × ${photo.height}` : ""],
      [say("file"), photo.file],
      [say("sha256"), photo.original],
      ...Object.entries(photo.meta),
    ];
    by("facts").replaceChildren(
      Object.assign(make("dl", "", "facts")),
    );
    by("facts").firstChild.append(
      ...facts.filter(([, text]) => text).map(([name, text]) => {
        const fact = make("div");
        fact.append(make("dt", name), make("dd", text));
        return fact;
      }),
    );
  }

  fillSides(photo, pair) {
    const choices = [
      { kind: "photo", key: "photo", text: say("photo") },
      { kind: "original", key: "original", text: say("original") },
      ...photo.played.map((one) => ({ kind: one.id, key: one.run_key, text: say("by_run", one) })),
    ];
    const first = photo.played[0]?.run_key ?? "original";
    const wanted = pair ?? [this.chosen.left ?? "photo", this.chosen.right ?? first];
    ["left", "right"].forEach((side, i) => {
      const options = choices.map((choice) => {
        const option = new Option(choice.text, choice.kind);
        option.dataset.key = choice.key;
        return option;
      });
      by(side).replaceChildren(...options);
      const found = choices.find((choice) => choice.key === wanted[i]) ?? choices[i];
      by(side).value = found.kind;
    });
    this.draw();
  }

  draw() {
    for (const side of ["left", "right"]) {
      const image = by(`${side}-picture`);
      const address = `pictures/${this.photo.id}/${by(side).value}`;
      image.classList.remove("is-gone");
      image.alt = by(side).selectedOptions[0].text;
      if (image.getAttribute("src") !== address) image.src = address;
      by("compare").classList.toggle("is-waiting", !this.areThere);
    }
    by("detail-wrong").textContent = "";
  }

  get areThere() {
    return ["left", "right"].every((side) => by(`${side}-picture`).complete);
  }

  loaded() {
    by("compare").classList.toggle("is-waiting", !this.areThere);
    const image = by("left-picture");
    if (image.naturalWidth) by("compare").style.setProperty("--shape", `${image.naturalWidth} / ${image.naturalHeight}`);
  }

  async failed(side) {
    const image = by(`${side}-picture`);
    const address = image.getAttribute("src");
    image.classList.add("is-gone");
    by("compare").classList.toggle("is-waiting", !this.areThere);
    try {
      await ask(address);
    } catch (error) {
      if (image.getAttribute("src") === address && this.photo) by("detail-wrong").textContent = error.message;
    }
  }

  changeStar(starred) {
    const button = this.dialog.querySelector("[data-do=star]");
    button.setAttribute("aria-pressed", String(starred));
    if (this.photo) this.photo.starred = starred;
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select, input")) return;
    const name = { ArrowLeft: "previous", ArrowRight: "next", s: "star", S: "star" }[event.key];
    if (!name) return;
    event.preventDefault();
    this.hooks[name]();
  }
}

function steps(labels) {
  if (!labels.length) return [make("li", say("no_recipe"))];
  return labels.map((step) => {
    const item = make("li");
    item.append(make("b", step.label));
    if (step.advice) item.append(document.createElement("br"), step.advice);
    return item;
  });
}

function played(one) {
  const card = make("div", "", "card");
  const title = make("h4", say("by_run", one));
  const verdict = make("p", "", "verdict");
  const state = make("span", say(one.success ? "success" : "no_success"), one.success ? "good" : "bad");
  verdict.append(
    make("span", `${say("start_score")} ${figure(one.start)}`),
    make("span", `${say("final_score")} ${figure(one.final)}`),
    state,
  );
  const recipe = make("ol", "", "steps");
  recipe.append(...steps(one.recipe));
  const measures = Object.entries(one.measures).map(([name, pair]) => `${name} ${pair.map(figure).join(" → ")}`);
  card.append(title, verdict, make("p", one.juror, "soft juror"), recipe);
  if (measures.length) card.append(make("p", measures.join(" · "), "soft"));
  return card;
}
