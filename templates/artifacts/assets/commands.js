// Copies commands: each .command has a button for its text; if copying is not allowed, the text is selected.
(() => {
  const status = document.getElementById("copied");
  for (const block of document.querySelectorAll(".command")) {
    const button = block.querySelector("button");
    const code = block.querySelector("code");
    const words = button.textContent;
    const say = (text) => {
      button.textContent = text;
      status.textContent = text;
      setTimeout(() => { button.textContent = words; status.textContent = ""; }, 2500);
    };
    const select = () => {
      getSelection().selectAllChildren(code);
      say(document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C or Cmd+C");
    };
    button.addEventListener("click", () => {
      if (!navigator.clipboard) return select();
      navigator.clipboard.writeText(code.textContent).then(() => say("Copied"), select);
    });
    button.hidden = false;
  }
})();
