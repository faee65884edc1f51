// The studio's chat: messages go to the API, events come from the stream, the preview follows.

const $ = (id) => document.getElementById(id);
const [log, choices, input, note, frames, scroller] = ["log", "choices", "input", "note", "frames", "scroll"].map($);
const RETRY_MS = [500, 1000, 2000, 3000, 5000];
const GIVE_UP_MS = 180_000;
const LONGEST_ANSWER_MS = 90_000;
const FEWEST_FOR_MORE = 12; // images per page

let state = JSON.parse($("data").textContent);
let isBusy = false;
let isQueued = false; // Enter was pressed during an answer: the message is sent after it
let lastSent = "";
let shown = { key: "", slot: "" };

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// What is shown.

function say(text, action) {
  note.replaceChildren(text, ...(action ? [" ", action] : []));
  note.hidden = !text;
}

function words(text) {
  const full = state.address && new URL(state.address.split("?")[0], location.href).href;
  const found = full ? text.split(full) : [text];
  return found.flatMap((part, index) =>
    index ? [make("a", { href: state.address, target: "_blank", rel: "noopener", textContent: full }), part] : [part],
  );
}

function bubble(who, text) {
  const name = make("span", { className: "unseen", textContent: who === "you" ? "You: " : "Dali: " });
  return make("p", { className: `said ${who}` }, name, ...(who === "you" ? [text] : words(text)));
}

function showTurns() {
  log.replaceChildren(
    ...state.turns.flatMap((turn) => [
      ...(turn.input ? [bubble("you", turn.input)] : []),
      ...(turn.state === "done" ? [bubble("agent", turn.reply)] : []),
    ]),
  );
}

function showChoices() {
  const offered = state.answer.choices ?? [];
  const hasPictures = offered.some((choice) => choice.thumbnailUrl);
  const buttons = offered.map((choice) => {
    const parts = [make("span", { className: "n", textContent: choice.n }), make("span", { className: "label", textContent: choice.label })];
    if (choice.thumbnailUrl) parts.unshift(make("img", { src: choice.thumbnailUrl, alt: "", loading: "lazy", decoding: "async" }));
    return make("button", { type: "button", className: "choice", value: choice.n, title: choice.label }, ...parts);
  });
  if (hasPictures && offered.filter((choice) => choice.thumbnailUrl).length >= FEWEST_FOR_MORE)
    buttons.push(make("button", { type: "button", className: "choice more", value: "more", textContent: "More images" }));
  choices.replaceChildren(...buttons);
  choices.classList.toggle("pictures", hasPictures);
  choices.hidden = !buttons.length;
}

function showSlots() {
  const isFilled = (slot) => slot.name in state.filled;
  $("count").textContent = `${state.slots.filter(isFilled).length} of ${state.slots.length} filled`;
  $("slots").replaceChildren(
    ...state.slots.map((slot) => {
      const value = state.filled[slot.name];
      const content =
        value === undefined ? make("span", { className: "open-slot", textContent: "to come" })
        : value === "" ? make("span", { className: "open-slot", textContent: "left empty" })
        : slot.isImage ? make("img", { src: value, alt: "", loading: "lazy" })
        : make("span", { className: "value", textContent: value });
      const name = make("code", { textContent: slot.name });
      return make("li", {}, make("button", { type: "button", value: `change ${slot.name}`, title: `Change ${slot.name}` }, name, content));
    }),
  );
}

function showState() {
  $("state").textContent = state.status;
  $("state").className = `state state-${state.status}`;
  $("open").hidden = !state.address;
  if (state.address) $("open").href = state.address;
}

function showAll({ changed } = {}) {
  showTurns();
  showChoices();
  showSlots();
  showState();
  showPreview(changed ?? state.answer.remaining?.[0] ?? "");
  const answers = log.querySelectorAll(".agent");
  const last = answers[answers.length - 1];
  if (last) scroller.scrollTop = Math.max(0, last.offsetTop - 16);
}

// A new frame loads behind the old one and replaces it when ready: no flicker, no history entry.
function showPreview(slot) {
  const key = JSON.stringify(state.filled);
  const place = slot ? `#slot-${slot}` : "";
  const current = frames.querySelector("iframe.now");
  if (key === shown.key && current) {
    if (slot !== shown.slot) current.contentWindow.location.replace(`${current.dataset.page}${place}`);
    shown = { key, slot };
    return;
  }
  shown = { key, slot };
  const page = new URL(`${state.preview}?v=${Date.now()}`, location.href).href;
  const frame = make("iframe", { title: "Preview of the page", src: `${page}${place}`, tabIndex: -1 });
  frame.setAttribute("sandbox", "");
  frame.dataset.page = page;
  frame.addEventListener("load", () => {
    frames.querySelectorAll("iframe.now").forEach((one) => one.remove());
    frame.className = "now";
    frame.tabIndex = 0;
  }, { once: true });
  frames.querySelectorAll("iframe:not(.now)").forEach((one) => one.remove());
  frames.append(frame);
}

// Sending messages, and what happens without an answer.

async function fresh() {
  const address = `${location.pathname}?session=${encodeURIComponent(state.sessionId)}`;
  const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(15_000) });
  if (answer.redirected) throw new SignedOut();
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return JSON.parse(page.getElementById("data").textContent);
}

class SignedOut extends Error {}
class Refused extends Error {}

function post(text) {
  return fetch(state.customize, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value },
    body: JSON.stringify({ sessionId: state.sessionId, input: text }),
    signal: AbortSignal.timeout(LONGEST_ANSWER_MS),
  });
}

// Returns the state after the message, with retries. A message whose answer was lost is not sent twice: the
// stored state is read first.
async function delivered(text, isUnderWay) {
  const before = state.turns.at(-1)?.number ?? 0;
  const lost = state.turns.at(-1)?.state === "lost" ? before : 0;
  const until = Date.now() + GIVE_UP_MS;
  if (isUnderWay) {
    const found = await taken(text, before - 1, 0, until);
    if (found) return found;
  }
  for (let tries = 0; ; tries++) {
    try {
      const answer = await post(text);
      if (answer.ok) return await fresh().catch(() => locally(text, answer));
      await judge(answer);
    } catch (error) {
      if (error instanceof Refused || error instanceof SignedOut) throw error;
      say("Cannot reach the server. Your message is saved and will be sent again.");
    }
    if (Date.now() > until) throw new Refused("The server did not respond.");
    await wait(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    const found = await taken(text, before, lost, until);
    if (found) return found;
  }
}

// Throws if a retry is useless; waits if it is too early.
async function judge(answer) {
  if (answer.status === 401 || answer.status === 403) throw new SignedOut();
  if (answer.status === 429) {
    const seconds = Number(answer.headers.get("Retry-After")) || 5;
    say(`Too many messages. Sending again in ${seconds} s.`);
    await wait(seconds * 1000);
  } else if (answer.status < 500) {
    const body = await answer.json().catch(() => ({}));
    throw new Refused(body.errors?.[0]?.detail ?? `The server rejected the message (${answer.status}).`);
  } else {
    say("The server is not ready. Your message is saved and will be sent again.");
  }
}

async function taken(text, before, lost, until) {
  while (Date.now() < until) {
    let seen;
    try {
      seen = await fresh();
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      await wait(1000);
      continue;
    }
    const turn = seen.turns.findLast((one) => (one.number > before || one.number === lost) && one.input === text);
    if (turn?.state === "done") return seen;
    if (turn?.state !== "waiting") return null;
    await wait(1000);
  }
  return null;
}

async function locally(text, answer) {
  const said = await answer.json();
  const number = (state.turns.at(-1)?.number ?? 0) + 1;
  const turns = [...state.turns, { number, input: text, reply: said.reply, state: "done" }];
  return { ...state, turns, answer: said, filled: said.filled };
}

async function send(text, isUnderWay = false) {
  if (isBusy) return;
  isBusy = true;
  document.body.classList.add("busy");
  lastSent = text || lastSent;
  if (input.value.trim() === text) input.value = "";
  grow();
  choices.hidden = true;
  if (text && !isUnderWay) log.append(bubble("you", text));
  log.append(make("p", { className: "said agent thinking" }, make("span", { className: "unseen", textContent: "Dali is typing" }), make("i"), make("i"), make("i")));
  scroller.scrollTop = scroller.scrollHeight;
  const filled = state.filled;
  try {
    state = await delivered(text, isUnderWay);
    say("");
    showAll({ changed: state.slots.find((slot) => state.filled[slot.name] !== filled[slot.name])?.name });
    follow();
  } catch (error) {
    isQueued = false;
    showAll();
    if (text && !input.value) input.value = text;
    grow();
    if (error instanceof SignedOut) say("You are signed out. Your message is saved.", make("a", { href: state.signIn, textContent: "Sign in again" }));
    else say(error.message, retryButton(text));
  } finally {
    isBusy = false;
    document.body.classList.remove("busy");
  }
  if (matchMedia("(pointer: fine)").matches) input.focus({ preventScroll: true });
  if (isQueued) submit();
}

function submit() {
  const text = input.value.trim();
  isQueued = isBusy && text !== "";
  if (isQueued) say("Dali is still answering. Your message is sent next.");
  else if (text) send(text);
}

function retryButton(text) {
  const button = make("button", { type: "button", textContent: "Send again" });
  button.addEventListener("click", () => send(text));
  return button;
}

// Changes from elsewhere: another tab, or a long-running message.

let stream = null;
let lastSeq = "";
let isSyncing = false;

async function follow() {
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  try {
    const query = new URLSearchParams(lastSeq ? { after: lastSeq } : {});
    if (state.tickets) query.set("ticket", await ticket());
    stream = new EventSource(`${state.stream}?${query}`);
  } catch {
    setTimeout(follow, 5000);
    return;
  }
  stream.addEventListener("message", (event) => {
    lastSeq = event.lastEventId || lastSeq;
    if (JSON.parse(event.data).artifactId === state.artifactId) sync();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
  });
}

async function ticket() {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const answer = await fetch(state.tickets, { method: "POST", headers });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).ticket;
}

async function sync() {
  if (isSyncing) return;
  isSyncing = true;
  await wait(300);
  isSyncing = false;
  try {
    const seen = await fresh();
    const filled = state.filled;
    const changed = seen.slots.find((slot) => seen.filled[slot.name] !== filled[slot.name])?.name;
    if (isBusy) {
      state.filled = seen.filled;
      showSlots();
      if (changed) showPreview(changed);
    } else if (changed || seen.turns.at(-1)?.number !== state.turns.at(-1)?.number || seen.address !== state.address) {
      state = seen;
      showAll({ changed });
    }
  } catch {
    // The next event or message will find out.
  }
}

// Others may fill the same page in their own sessions.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) sync();
});

// User input.

function grow() {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight + 2, 160)}px`;
}

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
input.addEventListener("input", () => {
  if (isQueued) say("");
  isQueued = false;
  grow();
});
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("say").requestSubmit();
  } else if (event.key === "ArrowUp" && !input.value) {
    event.preventDefault();
    input.value = lastSent;
  }
});
[choices, $("commands"), $("slots")].forEach((group) =>
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) send(button.value);
  }),
);
$("slots").addEventListener("focusin", (event) => {
  const name = event.target.querySelector?.("code")?.textContent;
  if (name) showPreview(name);
});

history.replaceState(null, "", `${location.pathname}?session=${encodeURIComponent(state.sessionId)}`);
const latest = state.turns.at(-1);
lastSent = latest?.input ?? "";
showAll();
if (!latest) send("");
else if (latest.state === "waiting") send(latest.input, true);
else {
  if (latest.state === "lost") say("This message has no answer yet.", retryButton(latest.input));
  follow();
}
