// The articles: browse, search, open, add and remove them; and the progress of the work on the index.

(() => {
  const POLL = 500; // milliseconds between two requests for the progress
  const TYPING = 250; // milliseconds after the last key before a search starts

  const view = document.getElementById("sanad-articles");
  const work = document.getElementById("sanad-work");
  let changes = null; // number of known changes of the index
  let shown; // number of listed articles
  let typing = 0;
  let asked = 0; // counts searches, so that a slow one cannot overwrite a later one
  let polling = false;

  // The list

  async function open() {
    if (view.hidden) return;
    const before = view.querySelector(".search") ? read() : null;
    let form;
    try {
      form = await sanad.call("adding", {});
    } catch {
      return sanad.failed();
    }
    view.innerHTML = form; // from ui/library.py
    view.insertAdjacentHTML("beforeend", '<div class="found-articles"></div>');
    const outlets = document.querySelectorAll("#sanad-filter-slot input[name=outlet]");
    const select = view.querySelector("select[name=outlet]");
    for (const { value } of outlets) select.append(new Option(value, value));
    if (before) {
      const [query, [names, since, until, language]] = before;
      const fields = view.querySelector(".search").elements;
      for (const [name, value] of Object.entries({ query, since, until, language, outlet: names[0] ?? "" }))
        fields.namedItem(name).value = value;
    }
    await search();
  }

  function read() {
    const data = new FormData(view.querySelector(".search"));
    const outlet = data.get("outlet");
    return [data.get("query"), [outlet ? [outlet] : [], data.get("since"), data.get("until"), data.get("language")]];
  }

  async function search() {
    const mine = ++asked;
    const [query, filter] = read();
    try {
      const list = await sanad.call("articles", { query, filter, shown });
      if (mine === asked) view.querySelector(".found-articles").innerHTML = list; // from ui/library.py
    } catch {
      sanad.failed();
    }
  }

  // Changes the index.
  async function change(name, value) {
    try {
      await sanad.call(name, value);
    } catch {
      return sanad.failed();
    }
    poll();
  }

  view.addEventListener("input", ({ target }) => {
    if (!target.closest(".search")) return;
    clearTimeout(typing);
    shown = undefined;
    typing = setTimeout(search, TYPING);
  });
  view.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  view.addEventListener("click", async ({ target }) => {
    const item = target.closest(".listed");
    if (target.matches(".more")) {
      shown = Number(target.dataset.shown);
      await search();
    } else if (target.closest(".listed .title")) {
      sanad.citations.open({ article: item.dataset.article, span: null }, target.closest(".title"));
    } else if (target.matches(".listed .remove")) {
      const question = [sanad.word("remove_sure"), item.dataset.title, sanad.word(item.dataset.after)];
      if (!(await sanad.sure(question, "yes_remove"))) return;
      change("remove", { article: item.dataset.article });
    }
  });

  // Adding

  async function send(files) {
    const messages = view.querySelector(".sent");
    let arrived = 0;
    messages.replaceChildren();
    for (const file of files) {
      const line = document.createElement("p");
      line.textContent = sanad.word("uploading", { name: file.name });
      messages.append(line);
      let reply = "";
      try {
        const address = `/sanad/upload/${encodeURIComponent(file.name)}?language=${sanad.language()}`;
        const answer = await fetch(address, { method: "PUT", body: file });
        reply = await answer.text();
        if (answer.ok) arrived += 1;
      } catch {
        sanad.failed();
        reply = `<p class="failure" role="alert">${sanad.word("unsent")}</p>`;
      }
      if (reply) line.outerHTML = reply; // from ui/faults.py
      else line.remove();
    }
    if (arrived) change("index", {});
  }

  view.addEventListener("change", ({ target }) => {
    if (!target.matches("input[type=file]")) return;
    send([...target.files]);
    target.value = "";
  });
  for (const kind of ["dragenter", "dragover"])
    view.addEventListener(kind, (event) => {
      event.preventDefault();
      view.querySelector(".drop")?.classList.add("over");
    });
  for (const kind of ["dragleave", "drop"])
    view.addEventListener(kind, (event) => {
      event.preventDefault();
      view.querySelector(".drop")?.classList.remove("over");
      if (kind === "drop") send([...event.dataTransfer.files]);
    });
  // A file that is dropped outside the area must not replace the page.
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());

  // The work on the index

  async function look() {
    const state = await sanad.call("working", {});
    work.innerHTML = state.html; // from ui/library.py
    work.hidden = !state.html;
    if (changes !== null && state.changes !== changes) {
      document.dispatchEvent(new Event("sanad:articles"));
      if (!view.hidden) search();
    }
    changes = state.changes;
    return state.running;
  }

  async function poll() {
    if (polling) return;
    polling = true;
    try {
      while (await look()) await new Promise((done) => setTimeout(done, POLL));
    } catch {
      sanad.failed();
    }
    polling = false;
  }

  document.addEventListener("sanad:view", () => {
    open();
    if (view.hidden && !polling) work.hidden = true; // the reader has seen the result
  });
  document.addEventListener("sanad:language", () => {
    open();
    if (!work.hidden) poll();
  });
  document.addEventListener("sanad:back", open);
  sanad.call("working", {}).then(
    (state) => {
      changes = state.changes;
      if (state.running) poll();
    },
    () => {}, // the conversation's script reports the error
  );
})();
