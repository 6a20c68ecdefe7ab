// The line between a photo before and after follows the range input that lies over both.
"use strict";
for (const compare of document.querySelectorAll(".compare")) {
  const range = compare.querySelector("input");
  const show = () => compare.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", show);
  show();
}
