// Two pictures: beside one another at the same height, or one above the other with the same area; enlarged at the same
// place; or in one place, flipping. Taps and swipes choose.
const GAP = 8;
const LARGEST = 2; // times the size that a picture has
const DOUBLE = 280; // milliseconds between the taps of a double tap
const upright = matchMedia("(max-aspect-ratio: 1/1)");
const clamp = (value) => Math.min(1, Math.max(0, value));

export class Stage {
  // Hooks: choose("left" | "right" | "tie"), changed().
  constructor(element, hooks) {
    this.element = element;
    this.hooks = hooks;
    this.frames = Object.fromEntries([...element.querySelectorAll(".frame")].map((frame) => [frame.dataset.side, frame]));
    this.front = null; // the side that is seen where both are in one place
    this.zoomed = null; // the place that is enlarged, in shares of the sides
    new ResizeObserver(() => this.layout()).observe(element);
    upright.addEventListener("change", () => this.layout());
    this.listen();
  }

  get isStacked() {
    return upright.matches;
  }

  show(left, right) {
    this.forgetTap();
    this.pictures = { left, right };
    this.zoomed = null;
    for (const side of ["left", "right"]) this.frames[side].replaceChildren(this.pictures[side]);
    this.layout();
  }

  hide(isHidden) {
    this.element.classList.toggle("is-hidden", isHidden);
  }

  layout() {
    document.body.classList.toggle("is-stacked-page", this.isStacked);
    this.element.classList.toggle("is-stacked", this.isStacked);
    this.element.classList.toggle("is-flipped", this.front !== null);
    this.element.classList.toggle("is-zoomed", this.zoomed !== null);
    for (const side of ["left", "right"]) this.frames[side].classList.toggle("is-front", side === this.front);
    if (this.pictures) {
      const sizes = this.sizes(this.pictures.left, this.pictures.right);
      for (const side of ["left", "right"]) {
        const [width, height] = sizes[side];
        const style = this.frames[side].style;
        style.width = `${width}px`;
        style.height = `${height}px`;
        this.place(this.pictures[side], width);
      }
    }
    this.hooks.changed();
  }

  sizes(left, right) {
    const { clientWidth, clientHeight } = this.element;
    const ratios = [left, right].map((one) => one.naturalWidth / one.naturalHeight);
    if (this.isStacked && this.front === null) {
      const most = [left, right].map((one) => LARGEST ** 2 * one.naturalWidth * one.naturalHeight);
      const tall = (clientHeight - GAP) / (1 / Math.sqrt(ratios[0]) + 1 / Math.sqrt(ratios[1]));
      const area = Math.min(...most, ...ratios.map((ratio) => clientWidth ** 2 / ratio), tall ** 2);
      const [one, other] = ratios.map((ratio) => [Math.sqrt(area * ratio), Math.sqrt(area / ratio)]);
      return { left: one, right: other };
    }
    const most = Math.min(...[left, right].map((one) => LARGEST * one.naturalHeight));
    const wide = this.front === null ? (clientWidth - GAP) / (ratios[0] + ratios[1]) : clientWidth / Math.max(...ratios);
    const height = Math.min(clientHeight, wide, most);
    return { left: [height * ratios[0], height], right: [height * ratios[1], height] };
  }

  place(picture, width) {
    if (!this.zoomed) {
      picture.style.transform = "";
      return;
    }
    this.scale = Math.max(2, picture.naturalWidth / width);
    picture.style.transformOrigin = `${100 * this.zoomed.x}% ${100 * this.zoomed.y}%`;
    picture.style.transform = `scale(${this.scale})`;
  }

  zoom(x = 0.5, y = 0.5) {
    this.zoomed = this.zoomed ? null : { x: clamp(x), y: clamp(y) };
    this.layout();
  }

  move(x, y) {
    this.zoomed = { x: clamp(this.zoomed.x + x), y: clamp(this.zoomed.y + y) };
    this.layout();
  }

  flip() {
    this.front = this.front === "left" ? "right" : "left";
    this.layout();
  }

  beside() {
    this.front = null;
    this.layout();
  }

  whole() {
    this.front = null;
    this.zoomed = null;
    this.layout();
  }

  // ---- fingers and mice

  listen() {
    const stage = this.element;
    let down = null;
    let tap = null;
    let focused = 0;
    window.addEventListener("focus", () => (focused = performance.now()));
    const forget = () => {
      clearTimeout(tap?.timer);
      tap = null;
    };
    stage.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button") || event.button !== 0) return;
      down = event.isPrimary ? { x: event.clientX, y: event.clientY, at: performance.now(), target: event.target } : null;
      if (event.pointerType === "mouse" && performance.now() - focused < 300) down = null; // it was for the window
      if (down && this.zoomed) stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      if (!down || !this.zoomed) return;
      const { offsetWidth, offsetHeight } = this.frames[this.front ?? "left"];
      const speed = this.scale - 1;
      const { x, y } = down.last ?? down;
      this.move((x - event.clientX) / offsetWidth / speed, (y - event.clientY) / offsetHeight / speed);
      down.last = { x: event.clientX, y: event.clientY };
    });
    stage.addEventListener("pointercancel", () => (down = null));
    stage.addEventListener("pointerup", (event) => {
      if (!down) return;
      const begun = down;
      down = null;
      const [x, y] = [event.clientX - begun.x, event.clientY - begun.y];
      if (Math.hypot(x, y) > 12 || performance.now() - begun.at > 600) {
        if (event.pointerType !== "mouse" && !this.zoomed) this.swiped(x, y, performance.now() - begun.at);
        return;
      }
      const frame = document.elementFromPoint(event.clientX, event.clientY)?.closest(".frame");
      if (!frame) return;
      if (tap && tap.frame === frame) {
        forget();
        const box = frame.getBoundingClientRect();
        this.zoom((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
      } else {
        forget();
        const choose = () => {
          tap = null;
          if (!this.zoomed) this.hooks.choose(frame.dataset.side);
        };
        tap = { frame, timer: setTimeout(choose, DOUBLE) };
      }
    });
    // a finger's way over the pictures scrolls nothing; where it could, a tap soon after it would only stop the scrolling
    const still = (event) => event.touches.length === 1 && event.cancelable && event.preventDefault();
    stage.addEventListener("touchmove", still, { passive: false });
    stage.addEventListener("dragstart", (event) => event.preventDefault());
    this.forgetTap = forget;
  }

  // Towards the better one; across, neither is.
  swiped(x, y, milliseconds) {
    if (milliseconds > 800 || (window.visualViewport?.scale ?? 1) > 1.01) return;
    const isAcross = Math.abs(x) > 1.5 * Math.abs(y);
    const isUpOrDown = Math.abs(y) > 1.5 * Math.abs(x);
    if (Math.max(Math.abs(x), Math.abs(y)) < 45 || (!isAcross && !isUpOrDown)) return;
    if (this.isStacked) {
      this.hooks.choose(isAcross ? "tie" : y < 0 ? "left" : "right");
    } else if (isAcross) {
      this.hooks.choose(x < 0 ? "left" : "right");
    } else if (y < 0) {
      this.hooks.choose("tie");
    }
  }
}
