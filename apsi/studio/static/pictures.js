// The pictures of pairs: asked for ahead, so that the next pair is there when a key is pressed.
export const keyOf = (turn) => `${turn.pair}${turn.repeat ? "-again" : ""}`;

const kept = new Map();

export function pictures(turn) {
  const key = keyOf(turn);
  if (!kept.has(key)) {
    const sides = turn.repeat ? ["b", "a"] : ["a", "b"];
    const images = sides.map((side) => {
      const image = new Image();
      image.draggable = false;
      image.src = `pictures/${turn.pair}/${side}`;
      return image;
    });
    const ready = Promise.all(images.map((image) => image.decode())).then(() => images);
    ready.catch(() => kept.get(key)?.ready === ready && kept.delete(key)); // to be asked for again
    kept.set(key, { images, ready });
  }
  return kept.get(key);
}

export const areReady = (turn) => pictures(turn).images.every((image) => image.complete && image.naturalWidth > 0);

// Asks for those of these turns, and lets go of all others.
export function keepOnly(turns) {
  const wanted = new Set(turns.map(keyOf));
  for (const key of kept.keys()) if (!wanted.has(key)) kept.delete(key);
  turns.forEach(pictures);
}

// Counts milliseconds while it runs.
export class Clock {
  constructor() {
    this.reset();
  }

  reset() {
    this.before = 0;
    this.since = null;
  }

  start() {
    this.since ??= performance.now();
  }

  stop() {
    this.before = this.read();
    this.since = null;
  }

  read() {
    return Math.round(this.before + (this.since === null ? 0 : performance.now() - this.since));
  }
}
