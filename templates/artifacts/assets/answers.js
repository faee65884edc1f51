// Calls the page's own URL. Without an answer, the page stays as it was built.
//   GET  <page>/state    -> 200 {token, closed, images: {<image id>: {votes: {yes, maybe, no}, mine, comments: [comment]}}}
//                           `mine`: this visitor's vote or null. Images without comments may be omitted.
//   POST <page>/votes       {token, imageId, choice}                        -> 200 {votes, mine} of that image
//                           `choice`: empty removes the vote.
//   POST <page>/comments    {token, imageId, replyTo, name, text, website}  -> 201 comment
//                           comment: {id, replyTo, name, text, createdAt}; `replyTo`: a comment's id or null, one level
//                           deep; `website` is a trap for bots and stays empty.
//   GET  <page>/live     -> text/event-stream: {closed, images} without `mine`, first all images, then those that
//                           changed; the event `gone` ends it.
//   Errors have the API's shape, {errors: [{detail}]}; 409 or 410: closed; 429 with Retry-After.
const answers = (() => {
  const page = location.pathname.replace(/\/+$/, "");
  const AGAIN_MS = 15000, SILENT_MS = 10000, ANSWER_MS = 20000, PATIENCE_S = 60;
  let token = "", show = null, reading = null, source = null, silence = 0, timer = 0;
  let hasAnswered = false, isOver = false, refusals = 0;

  const ask = (what, how) => fetch(page + "/" + what, {
    cache: "no-store", signal: AbortSignal.timeout?.(ANSWER_MS), ...how,
    headers: { Accept: "application/json", ...how?.headers },
  });
  const isForNow = (status) => status === 408 || status === 429 || status >= 500;

  // The state; null if it is temporarily unavailable; false if this page takes no answers.
  const look = async () => {
    const askedAt = performance.now();
    try {
      const response = await ask("state");
      if (!response.ok) return isForNow(response.status) ? null : false;
      const state = await response.json().catch(() => null);
      if (!state || typeof state.token !== "string") return false;
      token = state.token;
      return { closed: Boolean(state.closed), images: state.images || {}, isWhole: true, askedAt };
    } catch {
      return null;
    }
  };
  const read = () => (reading ||= look().finally(() => { reading = null; }));

  const hush = () => {
    clearTimeout(timer);
    clearTimeout(silence);
    source?.close();
    source = null;
  };
  const later = (ms) => {
    clearTimeout(timer);
    if (!document.hidden && !isOver) timer = setTimeout(refresh, ms * (1 + Math.random() / 3)); // not all at once
  };
  const deaf = () => { // no stream: poll the state instead, and retry the stream every fourth time
    hush();
    refusals += 1;
    later(AGAIN_MS);
  };
  const listen = () => {
    if (source || document.hidden || isOver) return;
    if (typeof EventSource === "undefined" || refusals % 4) { deaf(); return; }
    let isFirst = true;
    source = new EventSource(page + "/live");
    silence = setTimeout(deaf, SILENT_MS);
    source.onopen = () => { isFirst = true; };
    source.onmessage = (event) => {
      clearTimeout(silence);
      refusals = 0;
      let heard = null;
      try { heard = JSON.parse(event.data); } catch { return; }
      const isWhole = isFirst;
      isFirst = false;
      show({ closed: Boolean(heard.closed), images: heard.images || {}, isWhole });
      if (heard.closed) hush();
    };
    source.addEventListener("gone", () => {
      hush();
      later(1000); // the state says why
    });
    source.onerror = () => { if (source?.readyState === EventSource.CLOSED) deaf(); }; // otherwise the browser reconnects
  };
  const refresh = async () => {
    if (isOver) return;
    clearTimeout(timer);
    const state = await read();
    if (state) {
      hasAnswered = true;
      show(state);
      if (state.closed) hush();
      else listen();
      return;
    }
    if (state === false) {
      isOver = true;
      hush();
      show(hasAnswered ? { closed: true, isGone: true, images: {} } : null);
      return;
    }
    if (!hasAnswered) show(null);
    later(AGAIN_MS);
  };

  // An error message for visitors. `wait_s`: seconds after which a retry makes sense.
  const failure = (status, after, detail) => {
    const error = new Error(detail || "This page takes no answers right now.");
    if (status === 0) error.message = "You are offline.";
    if (status === 429) error.message = "Too many requests.";
    if (status >= 500) error.message = "The server does not respond.";
    error.isRefused = status === 429; // otherwise it may have been saved
    if (status === 0 || isForNow(status)) error.wait_s = Math.min(PATIENCE_S, Math.max(1, Number(after) || 10));
    return error;
  };
  const post = (what, body) => ask(what, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token, ...body }),
  });

  return {
    // Shows the state now and after each change: {closed, isGone, images, isWhole, askedAt}. If `isWhole`,
    // omitted images have no answers; otherwise they are unchanged. `askedAt`: when it was requested, if it
    // contains this visitor's votes. null: no answer.
    watch(shown) {
      show = shown;
      if (!/^https?:$/.test(location.protocol)) { show(null); return; }
      document.addEventListener("visibilitychange", () => { if (document.hidden) hush(); else refresh(); });
      addEventListener("online", () => refresh());
      refresh();
    },
    // Reads the state again and shows it; returns whether there is one.
    async renew() {
      await refresh();
      return !isOver;
    },
    async send(what, body) {
      let response;
      try {
        response = await post(what, body);
        if (response.status === 403 && await read()) response = await post(what, body); // an old token: a new one
      } catch {
        throw failure(0);
      }
      const answer = await response.json().catch(() => null);
      if (response.ok && answer) return answer;
      if (response.status === 409 || response.status === 410) refresh();
      throw failure(response.status, response.headers.get("Retry-After"), answer?.errors?.[0]?.detail);
    },
    // Storage while the tab is open: for this page, or for all pages if `everywhere`.
    keep(name, value, everywhere = false) {
      try {
        sessionStorage.setItem("dali " + (everywhere ? "" : page + " ") + name, value);
      } catch { /* not allowed here: not stored */ }
    },
    kept(name, everywhere = false) {
      try {
        return sessionStorage.getItem("dali " + (everywhere ? "" : page + " ") + name) || "";
      } catch {
        return "";
      }
    },
  };
})();
