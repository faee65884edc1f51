// Opens pictures large: links with data-lightbox, in the order of the page. Arrow keys, swipes, Escape.
(() => {
  const links = [...document.querySelectorAll("a[data-lightbox]")];
  if (!links.length || typeof HTMLDialogElement === "undefined") return;
  const box = document.createElement("dialog");
  box.className = "lightbox";
  box.setAttribute("aria-label", "Picture");
  const part = (name, kind) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    return made;
  };
  const bar = part("div", "lightbox-bar");
  const count = part("span");
  count.setAttribute("aria-live", "polite");
  const tools = part("div", "row");
  const tool = (text, label, act) => {
    const made = part("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    tools.append(made);
  };
  const stage = part("div", "lightbox-stage");
  const picture = part("img");
  picture.draggable = false; // otherwise a mouse swipe would drag the image
  const said = part("p", "lightbox-said");
  let at = 0;
  const show = (index) => {
    at = (index + links.length) % links.length;
    const link = links[at];
    const image = link.querySelector("img");
    picture.src = link.href;
    picture.alt = image ? image.alt : "";
    picture.toggleAttribute("data-ground", false);
    if (image && image.dataset.ground) picture.dataset.ground = image.dataset.ground;
    said.textContent = link.dataset.lightbox || picture.alt;
    count.textContent = at + 1 + " of " + links.length;
    const next = links[(at + 1) % links.length];
    new Image().src = next.href;
  };
  tool("←", "Previous picture", () => show(at - 1));
  tool("→", "Next picture", () => show(at + 1));
  tool("×", "Close", () => box.close());
  bar.append(count, tools);
  stage.append(picture);
  box.append(bar, stage, said);
  document.body.append(box);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(at - 1);
    if (event.key === "ArrowRight") show(at + 1);
    if (event.key === "Home") show(0);
    if (event.key === "End") show(links.length - 1);
  });
  let from = null;
  stage.addEventListener("pointerdown", (event) => { from = event.clientX; });
  stage.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const moved = event.clientX - from;
    from = null;
    if (Math.abs(moved) > 40) show(moved < 0 ? at + 1 : at - 1);
    else if (event.target === stage) box.close();
  });
  stage.addEventListener("pointercancel", () => { from = null; });
  box.addEventListener("close", () => links[at].focus());
  links.forEach((link, index) => link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    show(index);
    box.showModal();
  }));
})();
