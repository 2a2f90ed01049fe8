// Runs once, when the filter's component is mounted. The form lives in the browser alone: what is chosen is
// read when a question is asked (readFilter, called by ui/app.py), and told in the summary until then.

const SEPARATOR = " · ";
let nothing = null; // the summary's words where nothing is chosen

const form = () => element.querySelector("form");

function chosen() {
  const data = new FormData(form());
  return [data.getAll("outlet"), data.get("since"), data.get("until"), data.get("language")];
}

function tell() {
  const target = element.querySelector(".chosen");
  nothing ??= target.innerHTML; // made by ui/filters.py
  const [outlets, since, until, language] = chosen();
  const times = since || until ? [`${since.trim() || "…"} – ${until.trim() || "…"}`] : [];
  const name = element.querySelector(`option[value="${language}"]`).textContent;
  const parts = [...outlets, ...times, ...(language ? [name] : [])];
  target.innerHTML = parts.length ? "" : nothing;
  for (const [at, part] of parts.entries()) {
    const word = document.createElement("bdi");
    word.textContent = part;
    target.append(...(at ? [SEPARATOR, word] : [word]));
  }
}

element.addEventListener("input", tell);
element.addEventListener("change", tell);
element.addEventListener("reset", () => setTimeout(tell)); // after the fields have been emptied
element.addEventListener("submit", (event) => event.preventDefault()); // Enter in a date's field

window.readFilter = () => {
  if (!form()) return [[], "", "", ""];
  element.querySelector("details").open = false; // the answer needs the room
  return chosen();
};
