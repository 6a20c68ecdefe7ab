// The room of advice: photos are sent one after another, listed, and one of them is shown.
import { ask, say, upload } from "./ask.js";
import { Panel, forget } from "./panel.js";

const list = document.getElementById("photos");
const place = document.getElementById("panel");
const status = document.getElementById("status");
const shots = new Map(); // by id of the server, or of this page while a photo is being sent
const early = new Map(); // news of photos whose sending is not answered yet
const waiting = [];
const most = Number(document.getElementById("intake").dataset.maxBytes);
let shown = null;
let panel = null;
let sending = 0;

let fading = 0;

function tell(text, isWrong = false) {
  status.textContent = text;
  status.classList.toggle("wrong", isWrong);
  clearTimeout(fading);
  if (!isWrong) fading = setTimeout(() => tell("", true), 8000); // it was read out; the page is calm again
}

class Shot {
  constructor(key, name) {
    this.id = key;
    this.name = name;
    this.stage = "sending";
    const item = document.getElementById("shot").content.firstElementChild.cloneNode(true);
    this.item = item;
    this.button = item.querySelector("button");
    this.progress = item.querySelector("progress");
    item.querySelector(".name").textContent = name;
    this.button.addEventListener("click", () => {
      this.isChosen = true;
      show(this);
    });
    shots.set(key, this);
    list.append(item);
    arrange();
  }

  say(text) {
    this.said = text;
    this.item.querySelector(".said").textContent = text;
  }

  sent(share) {
    this.progress.hidden = share >= 1;
    this.progress.value = share;
    this.progress.setAttribute("aria-label", this.name);
    this.say(say("sending", { name: this.name, percent: Math.round(100 * share) }));
  }

  become(news) {
    const before = this.stage;
    if (this.id !== news.id) {
      shots.delete(this.id);
      shots.set(news.id, this);
      this.id = news.id;
    }
    this.name = news.name;
    this.item.querySelector(".name").textContent = news.name;
    this.stage = news.stage;
    this.progress.hidden = true;
    if (!this.isChanged || news.stage !== "edited") this.say(news.said);
    this.button.classList.toggle("failed", news.stage === "failed");
    if (before === news.stage) return;
    if (news.stage === "edited") this.picture("");
    tell(`${this.name}: ${news.said}`, news.stage === "failed");
    if (shown === this || this.isFirst) show(this);
  }

  fail(text) {
    this.stage = "failed";
    this.progress.hidden = true;
    this.button.classList.add("failed");
    this.say(text);
    tell(`${this.name}: ${text}`, true);
    if (shown === this || this.isFirst) show(this);
  }

  // Whether it is to be shown without having been asked for: what failed makes way for what did not.
  get isFirst() {
    if (this.stage === "edited") return !shown || (shown.stage === "failed" && !shown.isChosen);
    return this.stage === "failed" && !shown;
  }

  picture(query) {
    this.item.querySelector("img").src = `photos/${this.id}/thumbnail${query}`;
  }

  drop() {
    shots.delete(this.id);
    forget(this.id);
    const beside = this.item.nextElementSibling ?? this.item.previousElementSibling;
    this.item.remove();
    if (shown === this) show([...shots.values()].find((shot) => shot.item === beside) ?? null);
    arrange();
  }
}

function arrange() {
  document.body.classList.toggle("has-photos", shots.size > 0);
  document.getElementById("film").hidden = shots.size === 0;
}

async function show(shot) {
  panel?.close();
  panel = null;
  shown = shot;
  for (const other of shots.values()) other.button.toggleAttribute("aria-current", false);
  if (!shot) return place.replaceChildren();
  shot.button.setAttribute("aria-current", "true");
  if (shot.stage === "failed") return place.replaceChildren(refused(shot));
  if (shot.stage !== "edited") return place.replaceChildren();
  panel = new Panel(place, shot, { tell, settled, remove });
  try {
    await panel.open();
  } catch (error) {
    if (error.name !== "AbortError") tell(error.message, true);
  }
}

function refused(shot) {
  const note = document.getElementById("refused").content.firstElementChild.cloneNode(true);
  note.querySelector(".name").textContent = shot.name;
  note.querySelector(".said").textContent = shot.said;
  note.querySelector("button").addEventListener("click", () => remove(shot));
  return note;
}

function settled(shot, query, heading) {
  shot.isChanged = true;
  shot.say(heading);
  shot.picture(`?${query}`);
}

async function remove(shot) {
  try {
    if (!shot.id.startsWith("page-")) await ask(`photos/${shot.id}`, { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) return tell(error.message, true); // it may still be there
  }
  shot.drop();
  tell(say("removed", { name: shot.name }));
  (shown?.button ?? document.getElementById("choose")).focus();
}

// ---- sending

let count = 0;

function add(files) {
  for (const file of files) {
    const shot = new Shot(`page-${++count}`, file.name);
    shot.sent(0);
    waiting.push({ file, shot });
  }
  if (!sending) sendAll();
}

async function sendAll() {
  sending += 1;
  while (waiting.length) {
    const { file, shot } = waiting.shift();
    try {
      if (file.size > most) throw new Error(say("too_large")); // the server says so too, but breaks off the sending
      const news = await upload(file, (share) => shot.sent(share));
      shot.become(news);
      if (early.has(shot.id)) shot.become(early.get(shot.id));
      early.delete(shot.id);
    } catch (error) {
      shot.fail(error.message);
    }
  }
  sending -= 1;
  for (const news of early.values()) hear(news);
  early.clear();
}

for (const id of ["choose", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
}

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("is-dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("is-dropping");
});
document.addEventListener("drop", (event) => {
  document.body.classList.remove("is-dropping");
  if (!holdsFiles(event)) return;
  event.preventDefault();
  add([...event.dataTransfer.files]);
});

// ---- news

function hear(news) {
  const known = shots.get(news.id);
  if (news.stage === "gone") {
    if (!known) return;
    tell(say("gone", { name: known.name }));
    known.drop();
  } else if (known) {
    known.become(news);
  } else if (sending) {
    early.set(news.id, news);
  } else {
    new Shot(news.id, news.name).become(news);
  }
}

async function begin() {
  await compare(true); // gives the session, too
  const events = new EventSource("events");
  events.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  events.addEventListener("error", () => tell(say("lost"), true));
  events.addEventListener("open", () => compare(false));
}

// What the server has no more, as after it was started anew, is no longer listed. Later than at the start, what it has
// is told by events only: an answer may be older than the latest of them.
async function compare(isStart) {
  const listed = [...shots.keys()].filter((id) => !id.startsWith("page-"));
  try {
    const there = await (await ask("photos")).json();
    const ids = new Set(there.map((news) => news.id));
    for (const id of listed) if (!ids.has(id)) hear({ id, stage: "gone" });
    if (isStart) there.forEach(hear);
    if (status.textContent === say("lost")) tell("");
  } catch (error) {
    tell(error.message, true);
  }
}

begin();
