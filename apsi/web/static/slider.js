// The line between a photo before and after follows the range input that lies over both.
"use strict";
{
  const show = (range) => range.closest(".compare").style.setProperty("--at", `${range.value}%`);
  document.addEventListener("input", (event) => {
    if (event.target.matches(".compare input")) show(event.target);
  });
  document.querySelectorAll(".compare input").forEach(show);
}
