// What is seen stands in the address, so that the back button, a bookmark and a reload lead to the same.
export const LISTS = ["state", "split", "edits", "with", "set"];

export class Address {
  constructor(changed) {
    this.changed = changed;
    this.params = new URLSearchParams(location.search);
    addEventListener("popstate", () => {
      this.params = new URLSearchParams(location.search);
      this.changed();
    });
  }

  get(name) {
    return this.params.get(name) ?? "";
  }

  all(name) {
    return this.params.getAll(name);
  }

  // What the server is asked for: all but which photo is open.
  get query() {
    const query = new URLSearchParams(this.params);
    query.delete("photo");
    return query.toString();
  }

  // Lists of values replace what was there, empty ones take it away; `step`: the back button leads to before it.
  set(changes, step = true, state = null) {
    const params = new URLSearchParams(this.params);
    for (const [name, value] of Object.entries(changes)) {
      params.delete(name);
      for (const one of [value].flat()) if (one !== "" && one !== null) params.append(name, one);
    }
    if (params.toString() === this.params.toString()) return;
    this.params = params;
    const url = params.size ? `?${params}` : location.pathname;
    if (step) history.pushState(state, "", url);
    else history.replaceState(history.state, "", url);
    this.changed();
  }
}
