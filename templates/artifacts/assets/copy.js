// Values to copy: each code[data-copy] becomes a button; if copying is not allowed, the value is selected.
(() => {
  const status = document.getElementById("said");
  const say = (text) => { if (status) status.textContent = text; };
  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  for (const code of document.querySelectorAll("code[data-copy]")) {
    const value = code.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = value;
    button.setAttribute("aria-label", "Copy " + value);
    let later = 0;
    const done = () => {
      say(value + " copied");
      button.textContent = "Copied";
      clearTimeout(later);
      later = setTimeout(() => { button.textContent = value; }, 1500);
    };
    const failed = () => {
      select(button);
      if (document.execCommand("copy")) done();
      else say(value + " is selected: press Ctrl+C or Cmd+C");
    };
    button.addEventListener("click", () => {
      if (navigator.clipboard && isSecureContext) navigator.clipboard.writeText(value).then(done, failed);
      else failed();
    });
    code.replaceWith(button);
  }
})();
