// What was answered, what comes next, and which of them is shown.
import { keyOf } from "./pictures.js";

const LAST = 20; // answers from whose times the time left is estimated

export class Turns {
  constructor() {
    this.trail = []; // what was answered, the latest at the end
    this.ahead = []; // what is open
    this.back = 0; // how far one has walked back
    this.done = this.total = this.goal = 0;
    this.isBeyond = false; // whether one goes on after the goal
  }

  get current() {
    return this.back ? this.trail.at(-this.back) : this.ahead[0];
  }

  get target() {
    return this.isBeyond ? this.total : this.goal;
  }

  get isReached() {
    return this.done >= this.target && this.back === 0;
  }

  get number() {
    return this.back ? Math.max(1, this.done - this.back + 1) : Math.min(this.done + 1, Math.max(this.target, 1));
  }

  // What the server says. `isLatest`: nothing was said since it was asked; `answered`: turns that it may not know of.
  take(found, isLatest, answered) {
    if (found.latest.length) this.trail = found.latest;
    if (!this.total) ({ done: this.done, total: this.total, goal: this.goal } = found);
    if (!isLatest) {
      const known = new Set([...this.ahead, ...this.trail, ...answered].map(keyOf));
      this.ahead.push(...found.next.filter((turn) => !known.has(keyOf(turn))));
      return;
    }
    const open = new Set(found.next.map(keyOf));
    const shown = this.back ? null : this.current;
    const [first, others] = [[], []];
    for (const turn of found.next) (shown && keyOf(turn) === keyOf(shown) ? first : others).push(turn);
    this.ahead = [...first, ...others];
    this.trail = this.trail.filter((turn) => !open.has(keyOf(turn)));
    this.back = Math.min(this.back, this.trail.length);
    ({ done: this.done, total: this.total, goal: this.goal } = found);
  }

  answer(answer, reason, milliseconds) {
    const turn = this.current;
    if (this.back) {
      Object.assign(turn, { answer, reason, milliseconds });
      this.back -= 1;
    } else {
      this.trail.push({ ...this.ahead.shift(), answer, reason, milliseconds });
      this.done += 1;
    }
    return turn;
  }

  // Takes back what is shown, or else the latest; undefined: there is nothing.
  undo() {
    const [turn] = this.trail.splice(this.trail.length - Math.max(this.back, 1), 1);
    if (!turn) return undefined;
    this.ahead.unshift({ pair: turn.pair, repeat: turn.repeat });
    this.back = 0;
    this.done -= 1;
    return turn;
  }

  walk(steps) {
    const back = this.back - steps;
    if (back < 0 || back > this.trail.length) return false;
    this.back = back;
    return true;
  }

  // Those whose pictures are to be there.
  get near() {
    const around = this.back ? this.trail.slice(-this.back - 1).slice(0, 3) : this.trail.slice(-1);
    return [...around, ...this.ahead.slice(0, 4)];
  }

  // Minutes until the target is reached; null: nobody knows yet.
  get minutes() {
    const times = this.trail.slice(-LAST).map((turn) => turn.milliseconds).sort((one, other) => one - other);
    if (times.length < 3) return null;
    return (times[Math.floor(times.length / 2)] * Math.max(0, this.target - this.done)) / 60000;
  }
}
