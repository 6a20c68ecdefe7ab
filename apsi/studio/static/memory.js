// What the browser remembers of who answers; null: nothing. A value is kept, null forgets it.
export function remembered(key, value) {
  try {
    if (value === undefined) return localStorage.getItem(key);
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // the browser keeps nothing
  }
  return null;
}
