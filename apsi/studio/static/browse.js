// The room of all photos: filters, the grid, one photo opened, stars.
import { ask, post, say } from "./ask.js";
import { Address } from "./address.js";
import { Detail } from "./detail.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";

const by = (id) => document.getElementById(id);
let generation = -1;
let total = 0;
let runs = [];
let openedIndex = null;
let lastQuery = null;

const address = new Address(follow);
const filters = new Filters(address);
const grid = new Grid(by("grid"), by("space"), {
  shown: (answer) => {
    total = answer.total;
    by("grid").dataset.query = lastQuery;
    by("note").hidden = answer.same_juror;
    by("note").textContent = answer.same_juror ? "" : say("other_jurors");
    tellFound();
    if (detail.isOpen) tellPosition();
    count();
  },
  failed: (error) => tell(error.message),
  changed: () => refresh(true),
  open: (index, row) => open(index, row.id),
  star,
});
const detail = new Detail({
  close,
  previous: () => walk(-1),
  next: () => walk(1),
  star: () => detail.photo && star(detail.photo.id, !detail.photo.starred),
});

// ---- saying

function tell(text) {
  by("found").textContent = text;
}

let all = 0;

function tellFound() {
  if (!all && !total) return tell(say(busy ? "looking" : "nothing"));
  tell(total ? say("found", { n: total.toLocaleString(document.documentElement.lang), total: all.toLocaleString(document.documentElement.lang) }) : say("none"));
}

// ---- following the address

function follow() {
  filters.follow();
  const isPair = Boolean(address.get("a") && address.get("b"));
  for (const option of by("sort").querySelectorAll("[data-two]")) option.hidden = option.disabled = !isPair;
  by("sort").value = address.get("sort") || "name";
  by("down").setAttribute("aria-pressed", String(address.get("down") === "1"));
  if (document.activeElement !== by("search")) by("search").value = address.get("q");
  if (address.query !== lastQuery) refresh(false);
  followPhoto();
}

async function followPhoto() {
  const id = address.get("photo");
  if (!id) {
    const wasOpen = detail.isOpen;
    detail.close();
    if (wasOpen) grid.focus(openedIndex ?? grid.active);
    return;
  }
  if (detail.photo?.id === id) return;
  const pair = address.get("a") && address.get("b") ? [address.get("a"), address.get("b")] : null;
  await detail.open(id, pair);
  if (openedIndex === null || grid.row(openedIndex)?.id !== id) {
    try {
      openedIndex = (await (await ask(`places/${id}?${address.query}`)).json()).place;
    } catch {
      openedIndex = null;
    }
  }
  tellPosition();
}

function tellPosition() {
  by("position").textContent = openedIndex === null ? "" : say("position", { n: openedIndex + 1, total });
  const buttons = { previous: openedIndex > 0, next: openedIndex !== null && openedIndex < total - 1 };
  for (const [name, can] of Object.entries(buttons)) {
    detail.dialog.querySelector(`[data-do=${name}]`).setAttribute("aria-disabled", String(!can || openedIndex === null));
  }
}

function refresh(keepsPlace) {
  lastQuery = address.query;
  return grid.show(lastQuery, keepsPlace);
}

let counting = null;

async function count() {
  counting?.abort();
  counting = new AbortController();
  try {
    filters.show(await (await ask(`counts?${lastQuery}`, { signal: counting.signal })).json());
    by("filters").dataset.query = lastQuery;
  } catch (error) {
    if (error.name !== "AbortError") tell(error.message);
  }
}

// ---- one photo

function open(index, id) {
  openedIndex = index;
  address.set({ photo: id }, true, { opened: true });
}

function close() {
  if (history.state?.opened) history.back();
  else address.set({ photo: "" }, false);
}

let walking = Promise.resolve();

function walk(step) {
  walking = walking.then(async () => {
    if (openedIndex === null || !detail.isOpen) return;
    const row = await grid.rowAt(openedIndex + step).catch(() => null);
    if (!row) return;
    openedIndex += step;
    grid.activate(openedIndex);
    grid.bring(openedIndex);
    address.set({ photo: row.id }, false);
    tellPosition();
  });
}

async function star(id, starred) {
  try {
    const answer = await (await post("stars", { photo: id, starred })).json();
    by("starred-count").textContent = answer.starred;
    grid.changeStar(id, starred);
    if (detail.photo?.id === id) detail.changeStar(starred);
    if (address.get("starred") && !detail.isOpen) refresh(true);
    else count();
  } catch (error) {
    if (detail.isOpen) by("detail-wrong").textContent = error.message;
    else tell(error.message);
  }
}

async function makeOfStarred(what) {
  by("command").hidden = true;
  by("made").textContent = "…";
  try {
    const made = await (await post(what, {})).json();
    by("made").textContent = made.left_out ? `${made.said} ${say("left_out", { n: made.left_out })}` : made.said;
    by("command").textContent = made.command;
    by("command").hidden = false;
  } catch (error) {
    by("made").textContent = error.message;
  }
}

// ---- the index

let busy = true;
let looking = 0;

async function look(url = "state", options = {}) {
  clearTimeout(looking);
  let state;
  try {
    state = await (await (options.post ? post(url, {}) : ask(url))).json();
  } catch (error) {
    tell(error.message);
    looking = setTimeout(look, 2000);
    return;
  }
  const { indexing } = state;
  busy = indexing.busy;
  all = state.photos;
  by("indexing").hidden = !busy && !indexing.stopped && !indexing.failed;
  by("progress").hidden = !busy;
  document.querySelector("[data-do=stop]").hidden = !busy;
  by("progress").value = indexing.total ? indexing.done / indexing.total : 0;
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  by("indexing-said").textContent = busy
    ? indexing.file
      ? say("reading", { file: indexing.file, done: megabytes(indexing.done), total: megabytes(indexing.total) })
      : say("looking")
    : indexing.failed ? say("failed", { reason: indexing.failed }) : indexing.stopped ? say("stopped") : "";
  by("starred-count").textContent = state.starred;
  by("left-out").hidden = !state.left_out.length;
  by("left-out").querySelector("summary").textContent = state.left_out_said;
  by("left-out").querySelector("ul").replaceChildren(
    ...state.left_out.map((one) => {
      const item = document.createElement("li");
      item.textContent = `${one.file}: ${one.reason}`;
      return item;
    }),
  );
  if (state.ready && state.generation !== generation) {
    const isFirst = generation < 0;
    generation = state.generation;
    runs = state.runs;
    filters.showRuns(runs);
    await refresh(!isFirst);
    if (isFirst) followPhoto();
  }
  tellFound();
  document.body.dataset.ready = String(!busy && state.ready);
  if (busy) looking = setTimeout(look, 400);
}

// ---- what one can do

const actions = {
  clear: () => address.set({ ...Object.fromEntries([...address.params.keys()].map((name) => [name, ""])), photo: "" }),
  down: () => address.set({ down: address.get("down") === "1" ? "" : "1" }),
  keys: () => by("keys").showModal(),
  stop: () => look("stop", { post: true }),
  look: () => look("look", { post: true }),
  previous: () => walk(-1),
  next: () => walk(1),
  star: () => detail.hooks.star(),
  close,
  dataset: () => makeOfStarred("dataset"),
  pairs: () => makeOfStarred("pairs"),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) actions[button.dataset.do]?.();
});

let typing = 0;
by("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => address.set({ q: by("search").value.trim() }, false), 150);
});
by("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" || (event.key === "Escape" && !by("search").value)) grid.focus(grid.active);
});
by("sort").addEventListener("change", () => address.set({ sort: by("sort").value === "name" ? "" : by("sort").value }));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "/") {
    event.preventDefault();
    by("search").focus();
    by("search").select();
  } else if (event.key === "?") by("keys").showModal();
  else if (event.key.startsWith("Arrow") && !event.target.closest("[role=grid], summary, button")) grid.focus(grid.active);
});

if (matchMedia("(max-width: 50rem)").matches) by("panel").open = false;
lastQuery = address.query;
follow();
look();
