// The meaning of a word of an original sentence: under the pointer, after a tap, or by the arrow keys. Who listens to the
// page has the whole sentence word for word beside it.

(() => {
  const bubble = document.createElement("div");
  bubble.id = "sanad-meaning";
  bubble.dir = "ltr";
  bubble.lang = "en";
  bubble.ariaHidden = "true";
  bubble.hidden = true;
  document.body.append(bubble);
  const places = new WeakMap(); // quotation -> index of the word that the arrow keys have reached
  let current = null;

  function show(word) {
    current?.classList.remove("current");
    current = word;
    bubble.hidden = !word;
    if (!word) return;
    word.classList.add("current");
    bubble.textContent = word.dataset.meaning;
    place();
  }

  function place() {
    if (!current) return;
    const at = current.getClientRects()[0]; // a long name may go on in the next line
    if (!current.isConnected || !at) return show(null);
    const left = at.left + (at.width - bubble.offsetWidth) / 2;
    const above = at.top - bubble.offsetHeight - 4;
    bubble.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - bubble.offsetWidth - 8))}px`;
    bubble.style.top = `${above > 0 ? above : at.bottom + 4}px`;
  }

  function reach(quote, step) {
    const words = [...quote.querySelectorAll(".word")];
    const at = (places.get(quote) ?? 0) + step;
    if (!words[at]) return;
    places.set(quote, at);
    words[at].scrollIntoView({ block: "nearest" });
    show(words[at]);
  }

  const wordAt = (target) => target.closest?.(".glossed .word") ?? null;

  for (const kind of ["pointerover", "click"]) document.addEventListener(kind, ({ target }) => show(wordAt(target)));
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches?.(".glossed:focus-visible")) reach(target, 0);
  });
  document.addEventListener("focusout", () => show(null));
  document.addEventListener("keydown", (event) => {
    const quote = event.target.closest?.(".glossed");
    if (event.key === "Escape" && current) {
      if (quote) event.stopImmediatePropagation(); // it closes this alone
      return show(null);
    }
    const step = { ArrowLeft: 1, ArrowRight: -1 }[event.key]; // Arabic goes to the left
    if (!step || !quote || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    reach(quote, step);
  }, { capture: true });
  document.addEventListener("scroll", place, { capture: true, passive: true });
  document.addEventListener("sanad:view", () => show(null));
})();
