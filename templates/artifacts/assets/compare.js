// Stacks each before/after pair with a slider. Without this script, they are side by side.
(() => {
  for (const pair of document.querySelectorAll("[data-pair]")) {
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = "0";
    slider.max = "100";
    slider.step = "1";
    slider.value = "50";
    slider.setAttribute("aria-label", "Before and after, " + pair.dataset.pair);
    const part = (kind, text) => {
      const made = document.createElement("span");
      made.className = kind;
      made.textContent = text;
      made.setAttribute("aria-hidden", "true");
      return made;
    };
    const cut = () => {
      pair.style.setProperty("--cut", slider.value + "%");
      slider.setAttribute("aria-valuetext", slider.value + " % before");
    };
    slider.addEventListener("input", cut);
    pair.classList.add("slides");
    pair.append(part("tab was", "before"), part("tab is", "after"), part("grip", ""), slider);
    cut();
  }
})();
