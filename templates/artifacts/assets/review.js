// Comments on the board: shown live if the page's URL answers; sent from a form below each image.
(() => {
  const board = document.getElementById("board");
  if (board.dataset.writes !== "on") return;
  const said = document.getElementById("said"), news = document.getElementById("news");
  const LEFT = 200; // remaining characters from which the count is shown
  const part = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const author = (comment) => comment.name || "Anonymous";
  const written = (comment, reply) => {
    const item = part("li"), line = part("p", undefined, "facts row");
    line.append(part("strong", author(comment)));
    const when = new Date(comment.createdAt);
    if (!Number.isNaN(when.getTime())) line.append(part("span", when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" })));
    item.append(line, part("p", comment.text, "words"));
    if (reply) {
      const button = part("button", "Reply", "reply");
      button.type = "button";
      button.setAttribute("aria-label", "Reply to " + author(comment));
      button.addEventListener("click", () => reply(comment));
      item.append(button);
    }
    item.dataset.comment = comment.id;
    return item;
  };
  // The focused form keeps its screen position when comments arrive above it.
  const inPlace = (change) => {
    const held = board.querySelector("form:focus-within"), root = document.documentElement;
    if (!held) { change(); return; }
    root.style.overflowAnchor = "none"; // otherwise the browser would scroll a second time
    const before = held.getBoundingClientRect().top;
    change();
    const moved = () => held.getBoundingClientRect().top - before;
    scrollBy({ top: moved(), behavior: "instant" });
    if (moved() > 1) { // the page is too short to scroll that far
      document.body.style.paddingBottom = (parseFloat(document.body.style.paddingBottom) || 0) + moved() + "px";
      scrollBy({ top: moved(), behavior: "instant" });
    }
    requestAnimationFrame(() => requestAnimationFrame(() => { root.style.overflowAnchor = ""; }));
  };

  const talkOf = (entry, number) => {
    const talk = entry.querySelector(".talk"), list = talk.querySelector(".comments"), form = talk.querySelector("form");
    const field = form.elements, text = field.namedItem("text"), name = field.namedItem("name");
    const answered = form.querySelector(".answered"), sent = form.querySelector(".sent"), left = form.querySelector(".left");
    const link = document.querySelector('.sheet a[href="#' + entry.id + '"]');
    const items = new Map(); // by the comment's id
    let replyTo = null, isOpen = false, isKnown = false, doubtful = "";

    const answer = (comment) => {
      replyTo = comment ? comment.id : null;
      answered.hidden = !comment;
      answered.firstElementChild.textContent = comment ? "In reply to " + author(comment) : "";
      if (comment) text.focus();
    };
    const count = () => {
      talk.querySelector(".many").textContent = items.size ? " (" + items.size + ")" : "";
      if (!link) return;
      let badge = link.querySelector(".badge");
      if (!badge) link.append(badge = part("span", undefined, "badge"));
      badge.textContent = items.size || "";
      link.querySelector("img").alt = "Image " + number + (items.size ? ", " + items.size + (items.size === 1 ? " comment" : " comments") : "");
    };
    const add = (comment) => {
      const id = String(comment.id), above = comment.replyTo && items.get(String(comment.replyTo));
      if (items.has(id) || (comment.replyTo && !above)) return false;
      const item = written(comment, above ? null : answer);
      items.set(id, item);
      if (!above) {
        list.append(item);
        return true;
      }
      let under = above.querySelector(".under");
      if (!under) above.append(under = part("ol", undefined, "plain under"));
      under.append(item);
      return true;
    };
    const drop = (id) => {
      items.get(id).remove();
      items.delete(id);
      if (String(replyTo) === id) answer(null);
    };
    // Updates the list; returns how many comments are new.
    const learn = (comments) => {
      const ids = new Set(comments.map((one) => String(one.id)));
      for (const id of [...items.keys()]) if (!ids.has(id)) drop(id);
      const order = (a, b) => Boolean(a.replyTo) - Boolean(b.replyTo) || new Date(a.createdAt) - new Date(b.createdAt);
      const fresh = [...comments].sort(order).filter(add);
      if (isKnown) for (const one of fresh) items.get(String(one.id)).classList.add("fresh");
      const isFirst = !isKnown;
      isKnown = true;
      count();
      return isFirst ? 0 : fresh.length;
    };
    const measure = () => {
      const rest = text.maxLength - text.value.length;
      left.textContent = rest <= LEFT ? rest + (rest === 1 ? " character left" : " characters left") : "";
      answers.keep("draft " + entry.dataset.image, text.value);
    };
    const open = (isTaking) => {
      isOpen = isTaking;
      form.hidden = !isTaking && !text.value; // an unsent text can still be copied
      form.querySelector("button[type=submit]").disabled = !isTaking;
      talk.classList.toggle("shut", !isTaking);
      talk.hidden = form.hidden && !items.size;
      if (!isTaking && text.value) sent.textContent = "This was not sent: comments are closed.";
    };
    const send = async () => {
      const body = { imageId: entry.dataset.image, replyTo, name: name.value.trim(), text: text.value.trim(), website: field.website.value };
      const same = JSON.stringify(body);
      if (doubtful === same && await answers.renew() && !text.value) return; // it was saved, but the answer was lost
      doubtful = "";
      try {
        const comment = await answers.send("comments", body);
        inPlace(() => { add({ ...comment, replyTo: body.replyTo }); });
        count();
        done();
      } catch (error) { // the text stays in the form
        if (error.wait_s && !error.isRefused) doubtful = same;
        sent.textContent = "Not sent. " + error.message + (error.wait_s ? " Your text is still here. Please send it again " + (error.isRefused ? "in " + error.wait_s + " s." : "in a moment.") : "");
      }
    };
    const done = () => {
      text.value = "";
      doubtful = "";
      measure();
      sent.textContent = "Thank you.";
      answer(null);
    };
    // Whether one of the comments is the one whose answer was lost.
    const settle = (comments) => {
      if (!doubtful) return;
      const body = JSON.parse(doubtful), same = (one) => one.text === body.text && (one.name || "") === body.name && (one.replyTo || null) === body.replyTo;
      if (text.value.trim() === body.text && comments.some(same)) done();
    };

    text.value = answers.kept("draft " + entry.dataset.image);
    measure();
    text.addEventListener("input", () => {
      measure();
      sent.textContent = "";
    });
    answered.querySelector("button").addEventListener("click", () => {
      answer(null);
      text.focus();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button[type=submit]");
      if (!text.value.trim() || button.disabled) return;
      button.disabled = true;
      sent.textContent = "Sending…";
      await send();
      button.disabled = !isOpen;
    });
    return { entry, number, name, learn, settle, open };
  };

  const talks = [...board.querySelectorAll(".entry")].map((entry, n) => talkOf(entry, n + 1));
  // The name is entered once for all images, and kept while the tab is open.
  const named = (value, but) => { for (const one of talks) if (one.name !== but) one.name.value = value; };
  named(answers.kept("name", true));
  for (const one of talks) {
    one.name.addEventListener("input", () => {
      named(one.name.value, one.name);
      answers.keep("name", one.name.value, true);
    });
  }
  answers.watch((state) => {
    const isTaking = Boolean(state) && !state.closed;
    const text = !state ? "Comments are not available right now."
      : state.isGone ? "This page is no longer available. It takes no more comments."
        : state.closed ? "Comments are closed." : "";
    if (said.textContent !== text) said.textContent = text;
    const fresh = [];
    inPlace(() => {
      for (const one of talks) {
        const known = state?.images[one.entry.dataset.image];
        const comments = known?.comments || (state?.isWhole && !known ? [] : null);
        if (comments && one.learn(comments)) fresh.push(one.number);
        if (comments) one.settle(comments);
        one.open(isTaking);
      }
    });
    if (fresh.length) news.textContent = "New comments on image " + fresh.join(", ") + ".";
  });
})();
