// Sends the deck's votes to the page's URL; shows live totals and the results. Votes that cannot be sent are kept while
// the tab is open and sent later. An image's totals appear after the visitor's own vote (at once if the deck is not
// blind), so that they do not influence it; the results show them all.
(() => {
  const { byId, cards, inputs, choice, choose, label, prompt, part, told } = deck;
  const PAUSE_MS = 2000;
  const section = byId("deck"), results = byId("results"), ranks = byId("ranks"), notice = byId("notice");
  const numbers = new Map(cards.map((card, n) => [card.dataset.image, n]));
  const totals = cards.map(() => null), mine = cards.map(() => ""), sentAt = cards.map(() => 0);
  let unsent = new Map(), takes = false, isClosed = false, isSending = false, again = 0, telling = 0;
  try {
    unsent = new Map(JSON.parse(answers.kept("unsent") || "[]").filter(([image]) => numbers.has(image)));
  } catch { /* not ours: ignore it */ }

  const say = (text) => { if (notice.textContent !== text) notice.textContent = text; };
  const given = (n, kind) => Number(totals[n]?.[kind]) || 0;
  const all = (n) => inputs[n].reduce((sum, input) => sum + given(n, input.value), 0);
  const words = (n) => inputs[n].map((input) => label(input) + " " + given(n, input.value)).join(" · ");
  const bars = (n) => {
    const line = part("span", undefined, "bars");
    line.setAttribute("aria-hidden", "true");
    for (const input of inputs[n]) {
      const count = given(n, input.value);
      if (!count) continue;
      const piece = part("i", undefined, input.value);
      piece.style.flexGrow = count;
      line.append(piece);
    }
    return line;
  };

  const tell = (n) => {
    const card = cards[n], line = card.querySelector(".totals");
    const isShown = totals[n] && (choice(n) || isClosed || section.dataset.blind === "off");
    line.hidden = !isShown;
    if (isShown) line.replaceChildren(part("span", words(n)), bars(n));
    card.querySelector(".undo").hidden = !takes || !choice(n);
  };
  const rows = cards.map((card, n) => {
    const item = part("li"), from = card.querySelector("img"), picture = part("img"), said = part("p", undefined, "said");
    picture.src = from.src;
    picture.alt = "";
    picture.loading = "lazy";
    picture.width = from.width || 100;
    picture.height = from.height || 100;
    said.append(part("strong", String(n + 1)), " ", part("span", prompt(n)));
    const about = part("div");
    about.append(said, part("div", undefined, "standing"));
    item.append(picture, about);
    return item;
  });
  const turnout = () => {
    telling = 0;
    const count = cards.reduce((sum, _, n) => sum + all(n), 0);
    byId("turnout").textContent = count === 1 ? "1 vote so far" : count + " votes so far";
  };
  const rank = () => {
    const order = cards.map((_, n) => n).sort((a, b) => (
      given(b, "yes") - given(a, "yes") || given(b, "maybe") - given(a, "maybe") || given(a, "no") - given(b, "no") || a - b
    ));
    cards.forEach((_, n) => {
      const counts = part("p", words(n), "facts"), own = inputs[n].find((input) => input.checked);
      if (own) counts.append(part("span", " · you: " + label(own), "own"));
      rows[n].querySelector(".standing").replaceChildren(bars(n), counts);
    });
    if (order.some((n, place) => ranks.children[place] !== rows[n])) ranks.replaceChildren(...order.map((n) => rows[n]));
    if (!byId("turnout").textContent) turnout();
    else telling ||= setTimeout(turnout, PAUSE_MS); // screen readers announce it: not with every vote
  };
  const renew = () => {
    cards.forEach((_, n) => tell(n));
    if (!results.hidden) rank();
  };

  const waiting = (why) => {
    const count = unsent.size === 1 ? "Your vote is" : unsent.size + " votes are";
    say(why + " " + count + " saved here and will be sent automatically.");
  };
  const keep = () => answers.keep("unsent", JSON.stringify([...unsent]));
  // Sends one saved vote. Returns false if it should be retried later.
  const deliverOne = async (image, value) => {
    const n = numbers.get(image);
    try {
      const answer = await answers.send("votes", { imageId: image, choice: value });
      if (unsent.get(image) === value) unsent.delete(image);
      mine[n] = value;
      sentAt[n] = performance.now();
      if (answer.votes) totals[n] = answer.votes;
      say("");
    } catch (error) {
      if (error.wait_s) {
        waiting(error.message);
        clearTimeout(again);
        again = setTimeout(deliver, error.wait_s * 1000);
        return false;
      }
      if (unsent.get(image) === value) {
        unsent.delete(image);
        choose(n, mine[n]);
      }
      if (!isClosed) say("Your vote on image " + (n + 1) + " was not saved: " + error.message);
    }
    keep();
    tell(n);
    if (!results.hidden) rank();
    return true;
  };
  const deliver = async () => {
    if (isSending) return;
    isSending = true;
    while (takes && unsent.size) {
      const [image, value] = unsent.entries().next().value;
      if (!await deliverOne(image, value)) break;
    }
    isSending = false;
  };
  const cast = (n) => {
    unsent.set(cards[n].dataset.image, choice(n));
    keep();
    tell(n);
    deliver();
  };

  const close = (isGone) => {
    unsent.clear();
    keep();
    say(isGone ? "This page is no longer available. Votes are no longer counted." : "Voting is closed. Thank you.");
  };
  const learn = (n, known, askedAt) => {
    if (known?.votes) totals[n] = known.votes;
    if (!(askedAt > sentAt[n])) return; // without this visitor's votes, or older than the last vote
    mine[n] = known?.mine || "";
    const image = cards[n].dataset.image;
    if (unsent.get(image) === mine[n]) unsent.delete(image);
    choose(n, unsent.has(image) ? unsent.get(image) : mine[n]);
  };
  const shown = (state) => {
    takes = Boolean(state) && !state.closed;
    const wasClosed = isClosed;
    isClosed = Boolean(state?.closed);
    byId("clear").hidden = Boolean(state); // sent votes stay
    byId("mode-res").hidden = !state;
    byId("kept").textContent = takes ? "Your votes are saved. You can change them."
      : isClosed ? "Voting is closed." : "This page takes no votes right now. Your votes are only on this page: copy or print them.";
    for (const group of section.querySelectorAll("fieldset")) group.disabled = isClosed;
    section.dataset.state = takes ? "open" : isClosed ? "closed" : "alone";
    if (isClosed && !wasClosed) close(state.isGone);
    if (!isClosed && wasClosed) say("");
    if (!state) { renew(); return; }
    cards.forEach((card, n) => {
      const known = state.images[card.dataset.image];
      if (state.isWhole && !known?.votes) totals[n] = {};
      if (known || state.isWhole) learn(n, known, state.askedAt);
    });
    if (isClosed && !wasClosed) cards.forEach((_, n) => choose(n, mine[n])); // unsent votes are not counted
    keep();
    renew();
    deliver();
  };

  told.voted = cast;
  told.cleared = () => {
    unsent.clear();
    keep();
    renew();
  };
  told.opened = (mode) => { if (mode === "res") rank(); };
  cards.forEach((card, n) => card.querySelector(".undo").addEventListener("click", () => {
    choose(n, "");
    cast(n);
    inputs[n][0].focus();
  }));
  addEventListener("online", () => deliver());
  deck.addMode("res", byId("mode-res"), results, "r");
  for (const [image, value] of unsent) choose(numbers.get(image), value);
  answers.watch(shown);
})();
