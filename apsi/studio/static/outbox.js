// Answers on their way: each is kept, here and in the browser's storage, until the server says that it is on its disk.
import { post } from "./ask.js";

const PREFIX = "apsi-answer-"; // then the id of the folder of pairs, "-", and that of the answer
const MOST = 50; // answers of one request
const LONGEST = 5000; // milliseconds between two tries

function parsed(text) {
  try {
    const record = JSON.parse(text);
    return record?.id && record.annotator && record.said ? record : null;
  } catch {
    return null; // somebody wrote something else there
  }
}

// The answers to pairs of one folder; other folders may be served at this address at other times.
class Store {
  constructor(folder) {
    this.prefix = `${PREFIX}${folder}-`;
  }

  // Those of earlier versions don't say which folder they belong to: they are tried here.
  holds(key) {
    return key.startsWith(this.prefix) || (key.startsWith(PREFIX) && !key.slice(PREFIX.length).includes("-"));
  }

  get records() {
    try {
      const texts = Object.keys(localStorage).filter((key) => this.holds(key)).map((key) => localStorage.getItem(key));
      return texts.map(parsed).filter(Boolean).sort((one, other) => one.at - other.at);
    } catch {
      return []; // the browser keeps nothing
    }
  }

  keep(record) {
    try {
      localStorage.setItem(this.prefix + record.id, JSON.stringify(record));
    } catch {
      // it is kept in this page only
    }
  }

  discard(id) {
    try {
      for (const prefix of [this.prefix, PREFIX]) localStorage.removeItem(prefix + id);
    } catch {
      // it was not stored
    }
  }
}

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID asks for https
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Outbox {
  // Hooks: failed(reason, n), back(), refused(n), empty().
  constructor(folder, hooks) {
    this.folder = folder;
    this.hooks = hooks;
    this.store = new Store(folder);
    this.records = this.store.records;
    this.pushed = 0;
    this.refused = 0;
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
    this.store.keep(record);
    this.send();
  }

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    let failures = 0;
    while (this.records.length) {
      const { refused } = this;
      try {
        await this.sendSome();
        if (failures && refused === this.refused) this.hooks.back();
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
      const body = { folder: this.folder, annotator, answers };
      found = await (await post("answers", body, { signal: AbortSignal.timeout(10000) })).json();
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
    for (const id of found.kept) this.store.discard(id);
    this.refused += found.refused.length; // they stay in the storage: their pairs may be there when the page is opened again
    if (found.refused.length) this.hooks.refused(this.refused);
  }
}
