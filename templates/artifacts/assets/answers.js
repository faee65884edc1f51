// Talks to the page's own address. Where nobody answers there, the page stays as it was made.
//   GET  <page>/state    -> 200 {token, closed, images: {<image id>: {votes: {yes, maybe, no}, mine, comments: [comment]}}}
//                           `mine`: this visitor's vote or null. Images nobody wrote to may be left out.
//   POST <page>/votes       {token, imageId, choice}                        -> 200 {votes, mine} of that image
//   POST <page>/comments    {token, imageId, replyTo, name, text, website}  -> 201 comment
//                           comment: {id, replyTo, name, text, createdAt}; `replyTo`: a comment's id or null, one level
//                           deep; `website` is a trap for robots and stays empty.
//   Errors have the API's shape, {errors: [{detail}]}; 409 or 410: closed.
const answers = (() => {
  const page = location.pathname.replace(/\/+$/, "");
  let token = "";
  const said = async (response) => {
    const body = await response.json().catch(() => null);
    if (response.ok && body) return body;
    throw new Error(body?.errors?.[0]?.detail || "This page does not take answers now.");
  };
  return {
    async state() {
      try {
        if (!/^https?:$/.test(location.protocol)) return null;
        const response = await fetch(page + "/state", { headers: { Accept: "application/json" }, cache: "no-store" });
        if (!response.ok) return null;
        const state = await response.json();
        if (!state || typeof state.token !== "string") return null;
        token = state.token;
        return { closed: Boolean(state.closed), images: state.images || {} };
      } catch {
        return null;
      }
    },
    async send(what, body) {
      const response = await fetch(page + "/" + what, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ token, ...body }),
      });
      return said(response);
    },
  };
})();
