// The filter of questions. The form lives in the browser alone: what is chosen is read when a question is asked,
// and told in the summary until then.

sanad.filter = (() => {
  const SEPARATOR = " · ";
  const NOTHING = [[], "", "", ""];
  const slot = () => document.getElementById("sanad-filter-slot");
  const form = () => slot().querySelector("form");

  function chosen() {
    if (!form()) return NOTHING;
    const data = new FormData(form());
    return [data.getAll("outlet"), data.get("since"), data.get("until"), data.get("language")];
  }

  function tell() {
    const target = slot().querySelector(".chosen");
    const [outlets, since, until, language] = chosen();
    const times = since || until ? [`${since.trim() || "…"} – ${until.trim() || "…"}`] : [];
    const name = slot().querySelector(`option[value="${language}"]`).textContent;
    const parts = [...outlets, ...times, ...(language ? [name] : [])];
    target.textContent = parts.length ? "" : sanad.word("filter_all");
    for (const [at, part] of parts.entries()) {
      const word = document.createElement("bdi");
      word.textContent = part;
      target.append(...(at ? [SEPARATOR, word] : [word]));
    }
  }

  // A new form, as the articles or the language have changed; what was chosen and is still there stays chosen.
  function replace(html) {
    const [outlets, since, until, language] = chosen();
    const open = slot().querySelector("details")?.open;
    slot().innerHTML = html; // made by ui/filters.py
    if (!form()) return;
    for (const box of form().elements.namedItem("outlet") ? form().querySelectorAll("[name=outlet]") : [])
      box.checked = outlets.includes(box.value);
    Object.assign(form().elements.namedItem("since"), { value: since });
    Object.assign(form().elements.namedItem("until"), { value: until });
    Object.assign(form().elements.namedItem("language"), { value: language });
    slot().querySelector("details").open = Boolean(open);
    tell();
  }

  function fold() {
    const details = slot().querySelector("details");
    if (details) details.open = false; // the answer needs the room
  }

  for (const kind of ["input", "change"]) slot().addEventListener(kind, tell);
  slot().addEventListener("reset", () => setTimeout(tell)); // after the fields have been emptied
  slot().addEventListener("submit", (event) => event.preventDefault()); // Enter in a date's field

  return { chosen, fold, replace };
})();
