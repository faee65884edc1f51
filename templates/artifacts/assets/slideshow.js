// Shows one slide at a time, by keys, touch or autoplay; the URL says which. Without this script, slides are a list.
(() => {
  const show = document.getElementById("show");
  const slides = [...show.querySelectorAll(".slide")];
  const root = document.documentElement;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const make = (name, kind) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    return made;
  };
  const controls = make("div", "controls");
  const progress = make("progress");
  progress.max = slides.length;
  progress.setAttribute("aria-label", "Slides shown");
  const row = make("div", "row");
  const count = make("span", "count");
  const left = make("div", "row");
  const right = make("div", "row");
  const button = (place, text, label, act) => {
    const made = make("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    place.append(made);
    return made;
  };
  let at = 0;
  let timer = 0;
  const wanted = () => {
    const found = /^#slide-(\d+)$/.exec(location.hash);
    return found ? Math.min(slides.length, Math.max(1, Number(found[1]))) - 1 : 0;
  };
  const go = (index, quietly) => {
    at = Math.min(slides.length - 1, Math.max(0, index));
    slides.forEach((slide, place) => {
      slide.classList.toggle("now", place === at);
      slide.inert = place !== at;
    });
    for (const near of [slides[at], slides[at + 1], slides[at - 1]]) {
      const image = near && near.querySelector("img");
      if (image) image.loading = "eager";
    }
    count.textContent = at + 1 + " / " + slides.length;
    progress.value = at + 1;
    if (!quietly) history.replaceState(null, "", "#slide-" + (at + 1));
    if (timer) plan();
  };
  const plan = () => {
    clearTimeout(timer);
    timer = setTimeout(() => go(at + 1 < slides.length ? at + 1 : 0), Number(show.dataset.ms));
  };
  const play = (on) => {
    clearTimeout(timer);
    timer = 0;
    if (on) plan();
    player.textContent = on ? "Pause" : "Play";
    player.setAttribute("aria-label", on ? "Pause" : "Start autoplay");
    count.setAttribute("aria-live", on ? "off" : "polite");
  };
  const note = () => {
    const on = root.classList.toggle("noted");
    notes.setAttribute("aria-pressed", String(on));
  };
  const fill = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen().catch(() => {});
  };
  button(left, "←", "Previous slide", () => go(at - 1));
  const player = button(left, "Play", "Start autoplay", () => play(!timer));
  button(left, "→", "Next slide", () => go(at + 1));
  const hasNotes = show.querySelector(".notes") !== null;
  const notes = hasNotes ? button(right, "Notes", "Speaker notes", note) : null;
  if (notes) notes.setAttribute("aria-pressed", "false");
  if (document.fullscreenEnabled) button(right, "Full screen", "Full screen", fill).className = "filler";
  for (const one of show.querySelectorAll(".notes")) {
    one.open = true;
    one.tabIndex = 0;
    one.setAttribute("role", "group");
    one.setAttribute("aria-label", "Speaker notes");
  }
  row.append(left, count, right);
  controls.append(progress, row);
  show.after(controls);
  root.classList.add("playing");
  const keys = {
    ArrowRight: () => go(at + 1), PageDown: () => go(at + 1), ArrowLeft: () => go(at - 1), PageUp: () => go(at - 1),
    Home: () => go(0), End: () => go(slides.length - 1), p: () => play(!timer), f: fill, n: () => hasNotes && note(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    let act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (event.key === " " && !event.target.closest("button, summary")) act = () => go(at + (event.shiftKey ? -1 : 1));
    if (!act) return;
    event.preventDefault();
    act();
  });
  let from = null;
  show.addEventListener("pointerdown", (event) => { from = event.isPrimary ? [event.clientX, event.clientY] : null; });
  show.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const across = event.clientX - from[0];
    const down = event.clientY - from[1];
    from = null;
    if (Math.abs(across) > 40 && Math.abs(across) > Math.abs(down)) go(at + (across < 0 ? 1 : -1));
  });
  show.addEventListener("pointercancel", () => { from = null; });
  addEventListener("hashchange", () => go(wanted(), true));
  go(wanted(), true);
  play("autoplay" in show.dataset && !still);
})();
