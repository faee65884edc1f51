// Voting: one image at a time, an overview, and a summary. Votes stay on the page unless ballots.js sends them.
const deck = (() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("cards"), cards = [...list.children], summary = byId("summary");
  const modes = { one: byId("mode-one"), all: byId("mode-all"), sum: byId("mode-sum") };
  const panels = { sum: summary }; // shown instead of the cards
  const told = { voted: () => {}, cleared: () => {}, opened: () => {} }; // hooks for ballots.js
  const inputs = cards.map((card) => [...card.querySelectorAll("input")]);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let at = 0, mode = "one", going = 0;
  const choice = (n) => inputs[n].find((one) => one.checked)?.value || "";
  const label = (input) => input.nextElementSibling.firstChild.textContent;
  const prompt = (n) => cards[n].querySelector(".said span").textContent;

  const count = () => {
    const given = cards.filter((_, n) => choice(n)).length;
    byId("count").textContent = (mode === "one" ? at + 1 + " of " + cards.length + " · " : "") + given + " voted";
    byId("progress").value = given;
  };
  const show = (n) => {
    clearTimeout(going);
    at = Math.max(0, Math.min(cards.length - 1, n));
    cards.forEach((card, other) => card.classList.toggle("now", other === at));
    byId("back").disabled = at === 0;
    byId("on").textContent = at === cards.length - 1 ? "Summary →" : "Next →";
    const next = cards[at + 1]?.querySelector("img");
    if (next) new Image().src = next.src;
    count();
  };
  const part = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const groups = () => {
    const kinds = inputs[0].map((input) => ({ name: label(input), value: input.value }));
    return [...kinds, { name: "No vote", value: "" }].map((kind) => (
      { ...kind, numbers: cards.map((_, n) => n).filter((n) => choice(n) === kind.value) }
    ));
  };
  const summed = () => {
    byId("lists").replaceChildren(...groups().filter((one) => one.value || one.numbers.length).flatMap((group) => {
      const name = part("h3", group.name), all = part("ul", undefined, "plain");
      name.append(part("span", String(group.numbers.length)));
      group.numbers.forEach((n) => {
        const item = part("li"), from = cards[n].querySelector("img"), picture = part("img");
        picture.src = from.src;
        picture.alt = from.alt;
        picture.width = from.width || 100;
        picture.height = from.height || 100;
        item.append(picture, part("span", String(n + 1)));
        all.append(item);
      });
      return [name, group.numbers.length ? all : part("p", "none", "none-yet")];
    }));
  };
  const asText = () => [
    document.querySelector("h1").textContent,
    ...groups().filter((one) => one.numbers.length).flatMap((group) => (
      ["", group.name + " (" + group.numbers.length + ")", ...group.numbers.map((n) => n + 1 + ". " + prompt(n))]
    )),
  ].join("\n");
  const turn = (to) => {
    clearTimeout(going);
    mode = to;
    for (const [name, button] of Object.entries(modes)) button.setAttribute("aria-pressed", String(name === to));
    list.classList.toggle("one", to === "one");
    list.classList.toggle("overview", to === "all");
    list.hidden = to in panels;
    byId("walk").hidden = to !== "one";
    for (const [name, panel] of Object.entries(panels)) panel.hidden = name !== to;
    if (to === "sum") summed();
    told.opened(to);
    panels[to]?.focus({ preventScroll: true });
    byId("copied").textContent = "";
    count();
  };
  const step = (by) => (at + by >= cards.length ? turn("sum") : show(at + by));
  const onward = () => {
    clearTimeout(going);
    if (mode === "one") going = setTimeout(() => step(1), calm.matches ? 700 : 350);
  };

  const voted = (n) => {
    count();
    told.voted(n);
  };
  cards.forEach((card, n) => {
    card.addEventListener("change", () => voted(n));
    inputs[n].forEach((input) => input.addEventListener("click", (event) => { if (event.detail) onward(); }));
    let from = null;
    const picture = card.querySelector(".picture");
    picture.addEventListener("pointerdown", (event) => { from = event.clientX; });
    picture.addEventListener("pointercancel", () => { from = null; });
    picture.addEventListener("pointerup", (event) => {
      const by = from === null ? 0 : event.clientX - from;
      from = null;
      if (mode === "one" && Math.abs(by) > 40) step(by < 0 ? 1 : at ? -1 : 0);
      else if (mode === "all" && Math.abs(by) < 10) {
        show(n);
        turn("one");
      }
    });
  });
  const act = {
    ArrowRight: () => mode === "one" && step(1),
    ArrowLeft: () => (mode === "one" ? show(at - 1) : mode in panels && turn("one")),
    o: () => turn(mode === "all" ? "one" : "all"),
    s: () => turn("sum"),
  };
  inputs[0].forEach((_, place) => {
    act[place + 1] = () => {
      if (mode !== "one" || inputs[at][place].matches(":disabled")) return;
      inputs[at][place].checked = true;
      voted(at);
      onward();
    };
  });
  document.addEventListener("keydown", (event) => {
    const isArrow = event.key.startsWith("Arrow");
    if (event.metaKey || event.ctrlKey || event.altKey || !act[event.key]) return;
    // The browser handles arrow keys in a group of choices.
    if (event.target.matches("textarea") || (isArrow && event.target.matches("input"))) return;
    event.preventDefault();
    act[event.key]();
  });
  const addMode = (name, button, panel, key) => {
    modes[name] = button;
    if (panel) panels[name] = panel;
    if (key) act[key] = () => { if (!button.hidden) turn(name); };
    button.addEventListener("click", () => turn(name));
  };
  for (const [name, button] of Object.entries(modes)) addMode(name, button);
  byId("back").addEventListener("click", () => show(at - 1));
  byId("on").addEventListener("click", () => step(1));
  byId("print").addEventListener("click", () => print());
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(asText());
      byId("copied").textContent = "Copied.";
    } catch { // not allowed here: the user copies by hand
      byId("by-hand").hidden = false;
      byId("text").value = asText();
      byId("text").select();
      byId("copied").textContent = "Copy the text below.";
    }
  });
  byId("clear").addEventListener("click", () => {
    inputs.flat().forEach((input) => { input.checked = false; });
    told.cleared();
    show(0);
    turn("one");
  });

  inputs.flat().forEach((input) => { input.checked = false; }); // browsers restore them after a reload
  byId("bar").hidden = false;
  turn("one");
  show(0);
  const choose = (n, value) => {
    for (const input of inputs[n]) input.checked = input.value === value;
    count();
    if (mode === "sum") summed();
  };
  return { byId, cards, inputs, choice, choose, label, prompt, part, addMode, told };
})();
