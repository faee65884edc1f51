// The map of images: drag, wheel, pinch and keys move it; search dims the rest; a click shows an image's details.
(() => {
  const byId = (id) => document.getElementById(id);
  const map = byId("map"), svg = byId("tree"), dialog = byId("about"), words = byId("words"), hits = byId("hits");
  const images = JSON.parse(byId("images").textContent);
  const nodes = [...svg.querySelectorAll(".node")];
  const WIDE = svg.viewBox.baseVal.width, HIGH = svg.viewBox.baseVal.height, THUMB = Number(map.dataset.thumb), MOST = 3;
  const percent = byId("zoom");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  map.classList.add("live");
  map.setAttribute("aria-label", "Map of images. Arrow keys move along the tree, plus and minus zoom, 0 shows the whole map.");
  byId("tools").hidden = false;
  map.scrollTo(0, 0);

  // The map's position: a point p is shown at p * scale + (x, y). One transform moves everything.
  const view = { x: 0, y: 0, scale: 1 };
  let wide = map.clientWidth, high = map.clientHeight, frame = 0, rest = 0;
  const whole = () => Math.min(wide / WIDE, high / HIGH, 1);
  const least = () => Math.min(whole(), 0.5);
  const kept = (at, size, room) => {
    const spare = Math.min(120, room / 3);
    return Math.min(room - spare, Math.max(spare - size, at));
  };
  const draw = () => {
    frame = 0;
    svg.style.transform = "translate(" + view.x + "px," + view.y + "px) scale(" + view.scale + ")";
    const said = Math.round(view.scale * 100) + "%";
    if (said !== percent.textContent) percent.textContent = said; // each text change costs a layout
  };
  const moved = () => {
    view.x = kept(view.x, WIDE * view.scale, wide);
    view.y = kept(view.y, HIGH * view.scale, high);
    map.classList.add("moving");
    if (!frame) frame = requestAnimationFrame(draw);
    clearTimeout(rest);
    rest = setTimeout(settle, 160);
  };
  // Large maps load pictures when they come into view.
  let waiting = nodes.map((node, n) => ({ picture: node.querySelector("image"), n }))
    .filter((one) => one.picture.dataset.href);
  const settle = () => {
    map.classList.remove("moving"); // rendered sharply again at this size
    if (!waiting.length) return;
    const room = 300, left = (-view.x - room) / view.scale, top = (-view.y - room) / view.scale;
    const right = (wide - view.x + room) / view.scale, bottom = (high - view.y + room) / view.scale;
    waiting = waiting.filter(({ picture, n }) => {
      const { x, y } = images[n];
      if (x > right || y > bottom || x + THUMB < left || y + THUMB < top) return true;
      picture.setAttribute("href", picture.dataset.href);
      return false;
    });
  };
  const zoom = (factor, x = wide / 2, y = high / 2) => {
    const scale = Math.min(MOST, Math.max(least(), view.scale * factor));
    view.x = x - (x - view.x) * scale / view.scale;
    view.y = y - (y - view.y) * scale / view.scale;
    view.scale = scale;
    moved();
  };
  const fit = () => {
    view.scale = whole();
    view.x = (wide - WIDE * view.scale) / 2;
    view.y = (high - HIGH * view.scale) / 2;
    moved();
  };
  let gliding = 0;
  const glide = (x, y) => {
    cancelAnimationFrame(gliding);
    const fromX = view.x, fromY = view.y, began = performance.now(), lasts = calm.matches ? 0 : 240;
    const step = (now) => {
      const done = lasts ? Math.min(1, Math.max(0, (now - began) / lasts)) : 1, eased = 1 - (1 - done) ** 3;
      view.x = fromX + (x - fromX) * eased;
      view.y = fromY + (y - fromY) * eased;
      moved();
      if (done < 1) gliding = requestAnimationFrame(step);
    };
    gliding = requestAnimationFrame(step);
  };
  const centre = (n, { always = false, near = 0.6 } = {}) => {
    if (view.scale < near) zoom(near / view.scale);
    const x = (images[n].x + THUMB / 2) * view.scale, y = (images[n].y + THUMB / 2) * view.scale;
    const seenX = x + view.x, seenY = y + view.y, edge = Math.min(110, wide / 4, high / 4);
    if (always || seenX < edge || seenX > wide - edge || seenY < edge || seenY > high - edge) {
      glide(wide / 2 - x, high / 2 - y);
    }
  };

  // Pointers: one drags, two pinch. A press that hardly moved is a click.
  const fingers = new Map();
  let travelled = 0, spread = 0;
  const middle = () => {
    const at = [...fingers.values()], box = map.getBoundingClientRect();
    const x = at.reduce((sum, one) => sum + one.x, 0) / at.length - box.left;
    const y = at.reduce((sum, one) => sum + one.y, 0) / at.length - box.top;
    return { x, y, apart: at.length > 1 ? Math.hypot(at[0].x - at[1].x, at[0].y - at[1].y) : 0 };
  };
  let held = null;
  map.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button) return;
    cancelAnimationFrame(gliding);
    if (!fingers.size) travelled = 0;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    held = middle();
    spread = held.apart;
  });
  map.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = middle();
    travelled += Math.abs(now.x - held.x) + Math.abs(now.y - held.y) + Math.abs(now.apart - held.apart);
    if (travelled < 5) { held = now; return; }
    if (!map.hasPointerCapture(event.pointerId)) map.setPointerCapture(event.pointerId);
    map.classList.add("dragged");
    view.x += now.x - held.x;
    view.y += now.y - held.y;
    if (spread && now.apart) zoom(now.apart / held.apart, now.x, now.y);
    held = now;
    moved();
  });
  const letGo = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    held = fingers.size ? middle() : null;
    spread = held ? held.apart : 0;
    if (!fingers.size) map.classList.remove("dragged");
  };
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) map.addEventListener(kind, letGo);
  addEventListener("pointerup", letGo);
  map.addEventListener("dragstart", (event) => event.preventDefault());
  map.addEventListener("wheel", (event) => {
    const lines = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 400 : 1;
    const by = Math.max(-240, Math.min(240, event.deltaY * lines));
    // At the zoom limit the wheel scrolls the page again, so that the map does not trap it.
    if (!event.ctrlKey && ((by > 0 && view.scale <= least()) || (by < 0 && view.scale >= MOST))) return;
    event.preventDefault();
    const box = map.getBoundingClientRect();
    zoom(Math.exp(-by * (event.ctrlKey ? 0.01 : 0.002)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  byId("in").addEventListener("click", () => zoom(1.4));
  byId("out").addEventListener("click", () => zoom(1 / 1.4));
  byId("fit").addEventListener("click", fit);

  // Keyboard: one tab stop; arrows move to the parent, to a child, to the next image up or down.
  const children = images.map(() => []);
  images.forEach((image, n) => { if (image.parent !== null) children[image.parent].push(n); });
  let at = 0;
  const stand = (n) => {
    nodes[at].setAttribute("tabindex", "-1");
    at = n;
    nodes[n].setAttribute("tabindex", "0");
  };
  nodes.forEach((node) => node.setAttribute("tabindex", "-1"));
  const walk = (n) => {
    stand(n);
    nodes[n].focus({ preventScroll: true });
    centre(n);
  };
  const nextDown = (sign) => {
    const from = images[at];
    let best = null, far = Infinity;
    images.forEach((image, n) => {
      const down = (image.y - from.y) * sign;
      const cost = down + Math.abs(image.x - from.x) * 2;
      if (down > 0 && cost < far) { best = n; far = cost; }
    });
    return best;
  };
  const along = (n, sign) => {
    let best = null, far = Infinity;
    images.forEach((image, other) => {
      const ahead = (image.x - images[n].x) * sign;
      const cost = ahead + Math.abs(image.y - images[n].y) * 2;
      if (ahead > 0 && cost < far) { best = other; far = cost; }
    });
    return best;
  };
  map.addEventListener("keydown", (event) => {
    const to = {
      ArrowLeft: () => images[at].parent ?? along(at, -1), ArrowRight: () => children[at][0] ?? along(at, 1),
      ArrowUp: () => nextDown(-1), ArrowDown: () => nextDown(1), Home: () => 0, End: () => images.length - 1,
    }[event.key];
    if (!to || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    const n = event.target === map ? at : to();
    if (n !== null) walk(n);
  });
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || dialog.open || event.target.closest("input")) return;
    const act = {
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": fit, "/": () => words.focus(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  nodes.forEach((node, n) => {
    node.addEventListener("focus", () => {
      stand(n);
      map.scrollTo(0, 0); // the browser scrolls to the focused element; the map moves only by its transform
      if (node.matches(":focus-visible")) centre(n);
    });
    node.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      if (travelled < 5 || !event.detail) tell(n);
    });
  });
  map.addEventListener("scroll", () => map.scrollTo(0, 0));

  // Search.
  const texts = images.map((one) => [one.prompt, ...one.notes, ...one.tags, one.suggestion, ...one.by].join("\n").toLowerCase().normalize("NFC"));
  let found = [], here = -1;
  const look = () => {
    const terms = words.value.toLowerCase().normalize("NFC").split(/\s+/).filter(Boolean);
    found = terms.length ? images.map((_, n) => n).filter((n) => terms.every((term) => texts[n].includes(term))) : [];
    const isHit = new Set(found);
    map.classList.toggle("searching", terms.length > 0);
    nodes.forEach((node, n) => {
      node.classList.toggle("hit", isHit.has(n));
      node.classList.remove("here");
    });
    here = -1;
    hits.textContent = !terms.length ? "" : found.length ? found.length + " of " + images.length : "none";
  };
  const next = (step) => {
    if (!found.length) return;
    if (here >= 0) nodes[found[here]].classList.remove("here");
    here = here < 0 ? (step > 0 ? 0 : found.length - 1) : (here + step + found.length) % found.length;
    nodes[found[here]].classList.add("here");
    stand(found[here]);
    centre(found[here], { always: true });
    hits.textContent = here + 1 + " of " + found.length;
  };
  words.addEventListener("input", look);
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); next(event.shiftKey ? -1 : 1); }
    if (event.key === "Escape") { words.value = ""; look(); }
  });
  byId("find").addEventListener("submit", (event) => event.preventDefault());

  // The details of one image. User text is inserted as text, not as markup.
  const part = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const list = (title, lines) => {
    const all = part("ul");
    lines.forEach((line) => all.append(part("li", line)));
    return lines.length ? [part("h3", title), all] : [];
  };
  const steps = (title, numbers) => {
    if (!numbers.length) return [];
    const row = part("p", undefined, "row");
    row.append(part("span", title, "facts"));
    numbers.forEach((n) => {
      const button = part("button", String(n + 1));
      button.type = "button";
      button.setAttribute("aria-label", title + " image " + (n + 1));
      button.addEventListener("click", () => tell(n));
      row.append(button);
    });
    return [row];
  };
  const tell = (n) => {
    const one = images[n], inside = part("div", undefined, "about-in"), bar = part("div", undefined, "about-bar");
    const name = part("h2", "Image " + (n + 1)), close = part("button", "×"), said = part("div"), link = part("a");
    name.id = "about-name";
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => dialog.close());
    bar.append(name, close);
    const picture = part("img");
    picture.width = one.width;
    picture.height = one.height;
    picture.alt = one.prompt.slice(0, 300);
    picture.src = one.url;
    link.href = one.url;
    link.append(picture);
    const verdict = { pass: ["passed", "mark pass"], fail: ["failed", "mark fail"] }[one.judgment] || ["not judged", "mark none"];
    const facts = part("p", undefined, "facts row"), changed = part("p", undefined, "facts");
    facts.append(part("span", ...verdict), ...one.by.map((word) => part("span", word)));
    const prompt = part("p", one.prompt, "said");
    prompt.tabIndex = 0;
    if (one.added.length) changed.append(part("ins", "+ " + one.added.join(" … ")), " ");
    if (one.removed.length) changed.append(part("del", one.removed.join(" … ")));
    const tags = part("p", undefined, "row");
    one.tags.forEach((tag) => tags.append(part("span", tag, "chip")));
    said.append(prompt, facts, ...(changed.childNodes.length ? [part("h3", "Changed words"), changed] : []),
      ...list("Judge's notes", one.notes), ...list("Try next", one.suggestion ? [one.suggestion] : []),
      ...(one.tags.length ? [tags] : []),
      ...steps("Made from", one.parent === null ? [] : [one.parent]), ...steps("Start image", one.source === null ? [] : [one.source]),
      ...steps("Children", children[n]));
    inside.append(bar, link, said);
    dialog.replaceChildren(inside);
    stand(n);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTo(0, 0);
    close.focus();
  };
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    nodes[at].focus({ preventScroll: true });
    centre(at);
  });

  new ResizeObserver(() => {
    wide = map.clientWidth;
    high = map.clientHeight;
    moved();
  }).observe(map);
  stand(0);
  // Small maps open whole, large ones at the start and at a readable size.
  if (whole() >= 0.55) fit();
  else {
    view.scale = wide < 600 ? 0.6 : 0.75;
    view.x = 0;
    view.y = HIGH * view.scale <= high ? (high - HIGH * view.scale) / 2
      : Math.min(0, high / 2 - (images[0].y + THUMB / 2) * view.scale); // no empty space above it
    moved();
  }
  draw();
  settle();
})();
