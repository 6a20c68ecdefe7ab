// The room of pairs: two versions are shown, an answer is kept, the next two are there at once.
import { post, say } from "./ask.js";
import { remembered } from "./memory.js";
import { Outbox, newId } from "./outbox.js";
import { Clock, areReady, keepOnly, keyOf, pictures } from "./pictures.js";
import { Stage } from "./stage.js";
import { Turns } from "./turns.js";

const NAME = "apsi-annotator";
const KEYS = "apsi-keys";
const REASONS = ["composition", "light", "colour", "subject", "sharpness"]; // keys 4 to 8
const by = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const { folder } = by("who").dataset; // its id
const turns = new Turns();
const clock = new Clock();
let annotator = "";
let shown = null; // the key of the turn whose pictures are seen
let reason = null;
let isPaused = false;
let showing = 0;
let leftOut = "";
let repeats = ""; // that some pairs come again, said until the first answer
let wasZoomed = false;

// ---- saying

let fading = 0;

function tell(text, isWrong = false, stays = false) {
  by("status").textContent = text;
  by("status").classList.toggle("wrong", isWrong);
  clearTimeout(fading);
  if (!stays) fading = setTimeout(() => tell("", false, true), 8000);
}

function timeSaid(minutes) {
  if (minutes === null) return "";
  if (minutes < 0.75) return say("soon");
  if (minutes < 1.5) return say("minute");
  if (minutes < 60) return say("minutes", { n: Math.round(minutes) });
  return minutes < 90 ? say("hour") : say("hours", { n: Math.round(minutes / 60) });
}

const sided = (answer, more = "") => {
  const names = stage.isStacked ? { left: "upper", right: "lower" } : {};
  return say(`${names[answer] ?? answer}${more}`);
};

function draw() {
  const turn = turns.current;
  by("count").textContent = say("pair", { number: turns.number, goal: turns.target });
  by("time").textContent = turns.done < turns.target ? timeSaid(turns.minutes) : "";
  by("bar").value = turns.target ? Math.min(1, turns.done / turns.target) : 0;
  for (const button of all(".choices button")) {
    if (turns.back) button.setAttribute("aria-pressed", String(turn.answer === button.dataset.do));
    else button.removeAttribute("aria-pressed");
  }
  for (const chip of all("[data-reason]")) chip.setAttribute("aria-pressed", String(chip.dataset.reason === reason));
}

const outbox = new Outbox(folder, {
  failed: (why, n) => tell(say("kept", { reason: why, n }), true, true),
  back: () => tell(say("back")),
  refused: (n) => tell(say("refused", { n }), true, true),
  empty: () => annotator && refresh(),
});

const stage = new Stage(by("stage"), {
  choose: (choice) => (turns.isReached ? null : answer(choice)),
  changed: () => {
    document.querySelector("[data-do=zoom]").setAttribute("aria-pressed", String(stage.zoomed !== null));
    document.querySelector("[data-do=flip]").setAttribute("aria-pressed", String(stage.front !== null));
    by("which").hidden = stage.front === null || isPaused;
    if (stage.zoomed && !wasZoomed) tell(say("zoomed"), false, true);
    else if (wasZoomed && !stage.zoomed && by("status").textContent === say("zoomed")) tell("");
    wasZoomed = stage.zoomed !== null;
    if (stage.front) by("which").textContent = sided(stage.front, "_shown");
  },
});

// ---- showing

function isResting() {
  return isPaused || document.hidden || by("keys").open;
}

function rest() {
  if (isResting()) clock.stop();
  else if (shown) clock.start();
  stage.hide(isPaused || document.hidden);
  by("resting").hidden = !isPaused;
  by("controls").inert = isPaused;
  document.querySelector(".top [data-do=pause]").setAttribute("aria-pressed", String(isPaused));
  stage.hooks.changed();
}

async function show() {
  const mine = ++showing;
  const turn = turns.current;
  shown = null;
  clock.reset();
  reason = (turns.back && turn?.reason) || null;
  const isOver = turns.isReached || (!turn && turns.done >= turns.total);
  if (isOver) finish();
  by("finished").hidden = !isOver;
  by("work").hidden = isOver;
  draw();
  if (isOver) return;
  if (!turn || !areReady(turn)) by("waiting").hidden = false;
  if (!turn) {
    setTimeout(() => mine === showing && again(), 1000);
    return;
  }
  try {
    const [left, right] = await pictures(turn).ready;
    if (mine !== showing) return;
    left.alt = say("left_shown");
    right.alt = say("right_shown");
    stage.show(left, right);
  } catch {
    if (mine === showing) setTimeout(() => mine === showing && again(), 1000);
    return;
  }
  by("waiting").hidden = true;
  shown = keyOf(turn);
  by("work").dataset.shown = shown;
  by("spoken").textContent = [turns.back ? say("answered", { answer: sided(turn.answer) }) : "", by("count").textContent].join(" ");
  keepOnly([turn, ...turns.near]);
  requestAnimationFrame(() => mine === showing && rest());
}

async function again() {
  await refresh();
  if (!shown) show();
}

function finish() {
  by("finished-count").textContent = say("saved", { done: turns.done });
  document.querySelector("[data-do=more]").hidden = turns.done >= turns.total;
  document.querySelector("[data-do=review]").hidden = turns.trail.length === 0;
  if (by("finished").hidden) requestAnimationFrame(() => by("finished-title").focus());
}

let asking = 0;

async function refresh(begin = false) {
  const pushed = outbox.pushed;
  const before = shown;
  try {
    const found = await (await post("next", { annotator, begin }, { signal: AbortSignal.timeout(60000) })).json();
    if (found.folder !== folder) return location.reload(); // another folder is served at this address now
    turns.take(found, outbox.size === 0 && outbox.pushed === pushed, outbox.answered);
    if (found.left_out_said !== leftOut) tell(found.left_out_said, true);
    leftOut = found.left_out_said;
    if (begin && !turns.done && !leftOut) tell((repeats = found.repeats_said), false, true);
  } catch (error) {
    if (begin) throw error;
    if (!outbox.size) tell(error.message, true, true);
    clearTimeout(asking);
    asking = setTimeout(refresh, 2000);
    return;
  }
  if (begin) return;
  if (!turns.current || keyOf(turns.current) !== before || turns.isReached) show();
  else {
    draw();
    keepOnly([turns.current, ...turns.near]);
  }
}

// ---- what one can do

function push(turn, choice, milliseconds) {
  const said = { pair: turn.pair, repeat: turn.repeat, answer: choice, reason: choice ? reason : null, milliseconds };
  outbox.push({ id: newId(), annotator, at: Date.now(), said });
}

function answer(choice) {
  if (isResting()) return;
  if (!shown) return tell(say("picture"));
  const milliseconds = Math.min(clock.read(), 86400000);
  if (choice === "skip") reason = null;
  if (repeats && by("status").textContent === repeats) tell("");
  push(turns.current, choice, milliseconds);
  turns.answer(choice, reason, milliseconds);
  const button = document.querySelector(`.choices [data-do=${choice}]`);
  if (button && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
    button.animate([{ background: "var(--accent)" }, {}], { duration: 250 });
  }
  show();
}

function walk(steps) {
  if (isPaused) return;
  if (turns.walk(steps)) show();
  else tell(say(steps < 0 ? "first" : "newest"));
}

const actions = {
  left: () => answer("left"),
  right: () => answer("right"),
  tie: () => answer("tie"),
  skip: () => answer("skip"),
  back: () => walk(-1),
  forward: () => walk(1),
  review: () => walk(-1),
  save: async () => {
    if (outbox.size) tell(say("sending", { n: outbox.size }));
    await outbox.drained(5000);
    if (!outbox.size) tell(say("saved", { done: turns.done }));
  },
  undo: () => {
    if (isPaused) return;
    const turn = turns.undo();
    if (!turn) return tell(say("nothing_to_undo"));
    push(turn, null, 0);
    tell(say("undone"));
    show();
  },
  pause: () => {
    isPaused = !isPaused;
    rest();
    if (isPaused) by("resting").querySelector("button").focus();
    else by("stage").focus();
  },
  keys: () => {
    by("keys").showModal();
    rest();
  },
  zoom: () => {
    if (!shown || isPaused) return;
    stage.zoom();
  },
  flip: () => (isPaused ? null : stage.flip()),
  more: () => {
    turns.isBeyond = true;
    show();
    refresh();
    by("stage").focus();
  },
  leave: () => {
    if (outbox.size) return actions.save();
    remembered(NAME, null);
    location.reload();
  },
};

function choose(chosen) {
  reason = reason === chosen ? null : chosen;
  draw();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  // without keys, Flip is also the way back
  if (button.dataset.do === "flip" && stage.front === "right") stage.beside();
  else if (button.dataset.do) actions[button.dataset.do]?.();
  if (button.dataset.reason) choose(button.dataset.reason);
});
// a click does not take the focus along, so that space and Enter don't press the same button again
by("work").addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());

const keys = {
  1: "left", 2: "right", 0: "tie", s: "save", x: "skip", u: "undo", z: "zoom", p: "pause", "?": "keys",
  ArrowLeft: "back", ArrowRight: "forward", " ": "flip",
};
const moves = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || by("keys").open || by("who").hidden === false) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "?") {
    event.preventDefault();
    return actions.keys();
  }
  if (!by("keys-on").checked || event.target.closest("input")) return;
  if (key === " " && event.target.closest("button")) return; // it presses the button
  if (key === "Escape") return stage.whole();
  const isFinished = !by("finished").hidden;
  if (stage.zoomed && moves[key] && !isFinished) {
    event.preventDefault();
    return stage.move(...moves[key]);
  }
  const name = keys[key];
  if (!name && !(key >= "4" && key <= "8")) return;
  if (isFinished && !["undo", "back", "save"].includes(name)) return;
  event.preventDefault();
  if (event.repeat && name !== "back" && name !== "forward") return;
  if (name) actions[name]();
  else if (!isPaused) choose(REASONS[Number(key) - 4]);
});

document.addEventListener("visibilitychange", rest);
by("keys").addEventListener("close", rest);
by("keys-on").checked = remembered(KEYS) !== "off";
by("keys-on").addEventListener("change", (event) => {
  remembered(KEYS, event.target.checked ? "on" : "off");
  if (!event.target.checked) tell(say("keys_off"));
});

// ---- coming in

async function enter(name) {
  await outbox.drained(2000); // what an earlier page could not send
  annotator = name;
  await refresh(true);
  if (!by("who").dataset.annotator) remembered(NAME, name);
  by("who").hidden = true;
  by("work").hidden = false;
  by("person").textContent = name;
  by("person").title = name;
  by("stage").focus();
  show();
}

function ask() {
  by("who").hidden = false;
  by("name").focus();
}

by("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  by("name-wrong").textContent = "";
  try {
    await enter(by("name").value.trim());
  } catch (error) {
    annotator = "";
    by("name-wrong").textContent = error.message;
    by("name").focus();
  }
});

async function begin() {
  const known = by("who").dataset.annotator || remembered(NAME);
  if (!known) return ask();
  try {
    await enter(known);
  } catch (error) {
    by("name").value = known;
    by("name-wrong").textContent = error.message;
    ask();
  }
}

begin();
