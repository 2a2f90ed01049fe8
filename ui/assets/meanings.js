// The meaning of a word of an original sentence: under the pointer, after a tap, or by the arrow keys.

(() => {
  const bubble = document.createElement("div");
  bubble.id = "sanad-meaning";
  bubble.dir = "ltr";
  bubble.role = "status";
  bubble.hidden = true;
  document.body.append(bubble);
  let current = null;

  function show(word) {
    current?.classList.remove("current");
    current = word;
    bubble.hidden = !word;
    if (!word) return;
    word.classList.add("current");
    bubble.textContent = word.dataset.meaning;
    const at = word.getClientRects()[0]; // a long name may go on in the next line
    const left = at.left + (at.width - bubble.offsetWidth) / 2;
    const above = at.top - bubble.offsetHeight - 4;
    bubble.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - bubble.offsetWidth - 8))}px`;
    bubble.style.top = `${above > 0 ? above : at.bottom + 4}px`;
  }

  const wordAt = (target) => target.closest?.(".glossed .word") ?? null;

  document.addEventListener("pointerover", ({ target }) => show(wordAt(target)));
  document.addEventListener("click", ({ target }) => show(wordAt(target)));
  document.addEventListener("focusin", ({ target }) => show(target.matches?.(".glossed") ? target.querySelector(".word") : null));
  document.addEventListener("focusout", () => show(null));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && current) {
      event.stopImmediatePropagation(); // it closes this alone
      show(null);
    }
    const step = { ArrowLeft: 1, ArrowRight: -1 }[event.key]; // Arabic goes to the left
    if (!step || !event.target.matches?.(".glossed")) return;
    event.preventDefault();
    const words = [...event.target.querySelectorAll(".word")];
    const next = words[words.indexOf(current) + step];
    if (next) show(next);
  }, { capture: true });
  document.addEventListener("scroll", () => show(null), { capture: true, passive: true });
})();
