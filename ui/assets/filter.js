// The filter of questions. The form exists only in the browser: its values are read when a question is asked, and its
// summary line shows them.

sanad.filter = (() => {
  const SEPARATOR = " · ";
  const NOTHING = [[], "", "", ""];
  const ANSWERS = "sanad/answers"; // the language of answers, which the browser remembers
  const slot = () => document.getElementById("sanad-filter-slot");
  const form = () => slot().querySelector("form");

  function chosen() {
    if (!form()) return NOTHING;
    const data = new FormData(form());
    return [data.getAll("outlet"), data.get("since"), data.get("until"), data.get("language")];
  }

  const answersField = () => slot().querySelector("[name=answers]");
  const answers = () => answersField()?.value ?? sanad.read(ANSWERS) ?? "";

  function summarise() {
    const target = slot().querySelector(".chosen");
    const [outlets, since, until, language] = chosen();
    const times = since || until ? [`${since.trim() || "…"} – ${until.trim() || "…"}`] : [];
    const name = slot().querySelector(`option[value="${language}"]`).textContent;
    const parts = [...outlets, ...times, ...(language ? [name] : [])];
    if (answers()) {
      const chosen = answersField().selectedOptions[0].textContent;
      parts.push(`${sanad.word("answers_in")}: ${chosen}`);
      if (parts.length === 1) parts.unshift(sanad.word("filter_all"));
    }
    target.textContent = parts.length ? "" : sanad.word("filter_all");
    for (const [at, part] of parts.entries()) {
      const word = document.createElement("bdi");
      word.textContent = part;
      target.append(...(at ? [SEPARATOR, word] : [word]));
    }
  }

  // Replaces the form after the articles or the language have changed; choices that still exist are kept.
  function replace(html) {
    const [outlets, since, until, language] = chosen();
    const open = slot().querySelector("details")?.open;
    slot().innerHTML = html; // from ui/filters.py
    if (!form()) return;
    for (const box of form().elements.namedItem("outlet") ? form().querySelectorAll("[name=outlet]") : [])
      box.checked = outlets.includes(box.value);
    Object.assign(form().elements.namedItem("since"), { value: since });
    Object.assign(form().elements.namedItem("until"), { value: until });
    Object.assign(form().elements.namedItem("language"), { value: language });
    answersField().value = sanad.read(ANSWERS) ?? "";
    slot().querySelector("details").open = Boolean(open);
    summarise();
    document.dispatchEvent(new Event("sanad:filter"));
  }

  function fold() {
    const details = slot().querySelector("details");
    if (details) details.open = false; // the answer needs the space
  }

  for (const kind of ["input", "change"]) slot().addEventListener(kind, summarise);
  slot().addEventListener("change", ({ target }) => target === answersField() && sanad.write(ANSWERS, target.value));
  document.addEventListener("sanad:index", () => slot().replaceChildren()); // another index has other outlets
  slot().addEventListener("reset", () => setTimeout(summarise)); // after the fields are cleared
  slot().addEventListener("submit", (event) => event.preventDefault()); // Enter in a date field

  return { answers, chosen, fold, replace };
})();
