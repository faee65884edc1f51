// Comments on the board: shown where the page's address answers, sent from a form below each image.
(() => {
  const board = document.getElementById("board");
  if (board.dataset.writes !== "on") return;
  const part = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const written = (comment, reply) => {
    const item = part("li"), line = part("p", undefined, "facts row");
    line.append(part("strong", comment.name || "Somebody"));
    const when = new Date(comment.createdAt);
    if (!Number.isNaN(when.getTime())) line.append(part("span", when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" })));
    item.append(line, part("p", comment.text));
    if (reply && !comment.replyTo) {
      const button = part("button", "Reply");
      button.type = "button";
      button.addEventListener("click", () => reply(comment));
      item.append(button);
    }
    item.dataset.comment = comment.id;
    return item;
  };
  const open = (entry, comments, closed) => {
    const talk = entry.querySelector(".talk"), list = talk.querySelector(".comments"), form = talk.querySelector("form");
    const answered = form.querySelector(".answered"), sent = form.querySelector(".sent");
    let replyTo = null;
    const answer = (comment) => {
      replyTo = comment ? comment.id : null;
      answered.hidden = !comment;
      answered.textContent = comment ? "In reply to " + (comment.name || "somebody") : "";
      if (comment) form.elements.text.focus();
    };
    const add = (comment) => {
      const above = comment.replyTo && [...list.children].find((one) => one.dataset.comment === String(comment.replyTo));
      if (!above) { list.append(written(comment, closed ? null : answer)); return; }
      let under = above.querySelector(".under");
      if (!under) above.append(under = part("ol", undefined, "plain under"));
      under.append(written(comment, null));
    };
    comments.forEach(add);
    form.hidden = closed;
    talk.hidden = closed && !comments.length;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button[type=submit]"), field = form.elements;
      if (!field.text.value.trim()) return;
      button.disabled = true;
      sent.textContent = "Sending…";
      try {
        add(await answers.send("comments", {
          imageId: entry.dataset.image, replyTo, name: field.namedItem("name").value.trim(),
          text: field.text.value.trim(), website: field.website.value,
        }));
        field.text.value = "";
        sent.textContent = "Thank you.";
        answer(null);
      } catch (error) {
        sent.textContent = error.message; // what was written stays in the form
      }
      button.disabled = false;
    });
  };
  answers.state().then((state) => {
    const said = document.getElementById("said");
    if (!state) { said.textContent = "Comments cannot be written here now."; return; }
    if (state.closed) said.textContent = "Comments are closed.";
    for (const entry of board.querySelectorAll(".entry")) {
      open(entry, state.images[entry.dataset.image]?.comments || [], state.closed);
    }
  });
})();
