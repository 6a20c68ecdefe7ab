// Answers on their way: each is kept, here and in the browser's storage, until the server says that it is on its disk.
import { post } from "./ask.js";

const PREFIX = "apsi-answer-";
const MOST = 50; // answers of one request
const LONGEST = 5000; // milliseconds between two tries

function stored() {
  const found = [];
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key.startsWith(PREFIX)) found.push(JSON.parse(localStorage.getItem(key)));
    }
  } catch {
    return []; // the browser keeps nothing, or somebody wrote something else there
  }
  return found.sort((one, other) => one.at - other.at);
}

function store(record) {
  try {
    localStorage.setItem(PREFIX + record.id, JSON.stringify(record));
  } catch {
    // it is kept in this page only
  }
}

function discard(id) {
  try {
    localStorage.removeItem(PREFIX + id);
  } catch {
    // it was not stored
  }
}

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID asks for https
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Outbox {
  // Hooks: failed(reason, n), back(), refused(), empty().
  constructor(hooks) {
    this.hooks = hooks;
    this.records = stored();
    this.pushed = 0;
    this.most = MOST;
    if (this.records.length) this.send();
  }

  get size() {
    return this.records.length;
  }

  // Turns to which the server may not know the answer.
  get answered() {
    return this.records.filter((record) => record.said.answer).map((record) => record.said);
  }

  // Waits until all is sent, but not for long.
  async drained(milliseconds) {
    const until = Date.now() + milliseconds;
    while (this.size && Date.now() < until) await wait(20);
  }

  push(record) {
    this.pushed += 1;
    this.records.push(record);
    store(record);
    this.send();
  }

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    let failures = 0;
    while (this.records.length) {
      try {
        await this.sendSome();
        if (failures) this.hooks.back();
        failures = 0;
      } catch (error) {
        failures += 1;
        this.hooks.failed(error.message, this.records.length);
        await wait(Math.min(250 * 2 ** failures, LONGEST));
      }
    }
    this.isSending = false;
    this.hooks.empty();
  }

  async sendSome() {
    const { annotator } = this.records[0];
    const other = this.records.findIndex((record) => record.annotator !== annotator);
    const batch = this.records.slice(0, Math.min(this.most, other < 0 ? Infinity : other));
    const answers = batch.map((record) => ({ ...record.said, id: record.id, age: Math.max(0, Date.now() - record.at) }));
    let found;
    try {
      found = await (await post("answers", { annotator, answers }, { signal: AbortSignal.timeout(10000) })).json();
    } catch (error) {
      if (error.status !== 413 && error.status !== 422) throw error;
      if (batch.length > 1) {
        this.most = 1; // one of them is not understood: find out which
        return;
      }
      found = { kept: [], refused: [batch[0].id] };
    }
    const settled = new Set([...found.kept, ...found.refused]);
    this.records = this.records.filter((record) => !settled.has(record.id));
    settled.forEach(discard);
    if (found.refused.length) this.hooks.refused();
  }
}
