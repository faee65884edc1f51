// Shows only images with the provider and tag chosen in form.sieve; without this script, all are shown.
(() => {
  const form = document.querySelector("form.sieve");
  if (!form) return;
  const key = (text) => text.trim().split(/\s+/).join(" ").toLowerCase().normalize("NFC");
  const cards = [...document.querySelectorAll("[data-provider]")].map((element) => ({
    element,
    provider: element.dataset.provider,
    tags: new Set([...element.querySelectorAll("[data-tag]")].map((tag) => key(tag.textContent))),
  }));
  const said = form.querySelector("output");
  const sift = () => {
    const provider = form.elements.provider.value;
    const tag = form.elements.tag ? key(form.elements.tag.value) : "";
    let shown = 0;
    for (const card of cards) {
      const fits = (!provider || card.provider === provider) && (!tag || card.tags.has(tag));
      card.element.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    said.textContent = shown + " of " + cards.length + " shown";
  };
  form.addEventListener("change", sift);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(sift));
  form.hidden = false;
  sift();
})();
