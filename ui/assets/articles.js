// The articles: browse, search, open, add, correct and remove them; and the progress of the work on the index.

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
    // Drawn once a language: the list that is there can be used while its successor is on the way.
    if (view.dataset.language !== sanad.language() && !(await draw(sanad.language()))) return;
    await search();
  }

  async function draw(spoken) {
    let form;
    try {
      form = await sanad.call("adding", {});
    } catch {
      sanad.failed();
      return false;
    }
    if (spoken !== sanad.language()) return false; // a later call draws
    if (spoken === view.dataset.language) return true; // an earlier one has
    const before = view.querySelector(".search") ? read() : null;
    view.dataset.language = spoken;
    view.innerHTML = form; // from ui/html/library.py
    view.insertAdjacentHTML("beforeend", '<div class="found-articles"></div>');
    offer();
    if (before) {
      const [query, [names, since, until, language]] = before;
      const fields = view.querySelector(".search").elements;
      for (const [name, value] of Object.entries({ query, since, until, language, outlet: names[0] ?? "" }))
        fields.namedItem(name).value = value;
    }
    return true;
  }

  // Offers the filter's outlets in the search and in corrections.
  function offer() {
    const select = view.querySelector("select[name=outlet]");
    if (!select) return;
    const chosen = select.value;
    const names = [...document.querySelectorAll("#sanad-filter-slot input[name=outlet]")].map(({ value }) => value);
    select.replaceChildren(select.options[0], ...names.map((name) => new Option(name, name)));
    view.querySelector("datalist").replaceChildren(...names.map((name) => new Option("", name)));
    select.value = names.includes(chosen) ? chosen : "";
    if (chosen !== select.value) search();
  }

  function read() {
    const data = new FormData(view.querySelector(".search"));
    const outlet = data.get("outlet");
    return [data.get("query"), [outlet ? [outlet] : [], data.get("since"), data.get("until"), data.get("language")]];
  }

  async function search() {
    const mine = ++asked;
    if (!view.querySelector(".search")) return; // the index is not served any more
    const [query, filter] = read();
    try {
      const list = await sanad.call("articles", { query, filter, shown });
      if (mine !== asked || document.activeElement?.closest(".correction")) return; // it would be lost while it is typed
      place(list);
    } catch {
      sanad.failed();
    }
  }

  // Draws a list only if it differs from the one that is there. The focus stays on the same button; if its
  // article is gone, it moves to that button of the next article, or of the one before if there is no next.
  function place(list) {
    const found = view.querySelector(".found-articles");
    if (found.list === list) return;
    const focused = document.activeElement;
    const rows = [...found.querySelectorAll(".listed")];
    const at = rows.findIndex((row) => row.contains(focused));
    found.innerHTML = found.list = list; // from ui/html/library.py
    if (at < 0) return;
    for (const { dataset } of [...rows.slice(at), ...rows.slice(0, at).reverse()]) {
      const row = found.querySelector(`.listed[data-article="${CSS.escape(dataset.article)}"]`);
      if (row) return row.querySelector(`.${focused.classList[0]}`)?.focus();
    }
    view.querySelector("[name=query]").focus(); // none of them is left
  }

  // The focus goes on to the first of the articles that are added to the list.
  async function showMore(button) {
    const before = view.querySelectorAll(".listed").length;
    shown = Number(button.dataset.shown);
    await search();
    if (document.activeElement === document.body) view.querySelectorAll(".listed .title")[before]?.focus();
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

  // Corrections of outlet and date

  function edit(item, now) {
    const form = item.querySelector(".correction");
    const button = item.querySelector("button.correct");
    form.reset();
    form.querySelector(".wrong").replaceChildren();
    form.hidden = !now;
    button.setAttribute("aria-expanded", now);
    (now ? form.elements.namedItem("outlet") : button).focus();
  }

  async function correct(form) {
    const { article } = form.closest(".listed").dataset;
    const field = form.elements.namedItem("published");
    let wrong;
    try {
      wrong = await sanad.call("correct", { article, outlet: form.elements.namedItem("outlet").value, published: field.value });
    } catch {
      return sanad.failed();
    }
    form.querySelector(".wrong").innerHTML = wrong; // from ui/wording/faults.py
    if (wrong) return field.focus();
    edit(form.closest(".listed"), false);
    await poll();
    const again = view.querySelector(`.listed[data-article="${CSS.escape(article)}"] button.correct`);
    if (document.activeElement === document.body) again?.focus(); // the list was drawn again
  }

  view.addEventListener("keydown", (event) => {
    const form = event.target.closest(".correction");
    if (event.key !== "Escape" || !form) return;
    event.preventDefault();
    edit(form.closest(".listed"), false);
  });

  view.addEventListener("input", ({ target }) => {
    if (!target.closest(".search")) return;
    clearTimeout(typing);
    shown = undefined;
    typing = setTimeout(search, TYPING);
  });
  view.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target.matches(".correction")) correct(event.target);
    else search();
  });
  view.addEventListener("click", async ({ target }) => {
    const item = target.closest(".listed");
    if (target.matches(".more")) {
      showMore(target);
    } else if (target.closest(".listed .title")) {
      sanad.citations.open({ article: item.dataset.article, span: null }, target.closest(".title"));
    } else if (target.matches("button.correct, .correction .cancel")) {
      edit(item, item.querySelector(".correction").hidden);
    } else if (target.matches(".listed .remove")) {
      const question = [sanad.word("remove_sure"), item.dataset.title, sanad.word(item.dataset.after)];
      if (!(await sanad.sure(question, "yes_remove"))) return;
      change("remove", { article: item.dataset.article });
    }
  });

  // Adding

  async function send(files) {
    const messages = view.querySelector(".sent");
    const index = sanad.indexes.named();
    let arrived = 0;
    messages.replaceChildren();
    for (const file of files) {
      const line = document.createElement("p");
      line.textContent = sanad.word("uploading", { name: file.name });
      messages.append(line);
      let reply = "";
      try {
        const query = new URLSearchParams({ language: sanad.language(), ...index });
        const address = `/sanad/upload/${encodeURIComponent(file.name)}?${query}`;
        const answer = await fetch(address, { method: "PUT", body: file });
        reply = await answer.text();
        if (answer.ok) arrived += 1;
      } catch {
        sanad.failed();
        reply = `<p class="failure" role="alert">${sanad.word("unsent")}</p>`;
      }
      if (reply) line.outerHTML = reply; // from ui/wording/faults.py
      else line.remove();
    }
    if (arrived) change("index", index);
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
      const area = view.querySelector(".drop");
      area?.classList.remove("over");
      if (kind === "drop" && area) send([...event.dataTransfer.files]);
    });
  // A file that is dropped outside the area must not replace the page.
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());

  // The work on the index

  async function look() {
    const index = sanad.indexes.current();
    const state = await sanad.call("working", {});
    if (index !== sanad.indexes.current()) return true; // the other index is looked at next
    work.innerHTML = state.html; // from ui/html/library.py
    work.hidden = !state.html;
    if (changes !== null && state.changes !== changes) {
      document.dispatchEvent(new Event("sanad:articles"));
      if (!view.hidden) await search();
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
  document.addEventListener("sanad:index", () => {
    changes = null;
    shown = undefined;
    asked += 1; // a list that is on its way is of the other index
    view.replaceChildren();
    delete view.dataset.language;
    work.hidden = true;
    open();
    poll();
  });
  document.addEventListener("sanad:back", open);
  document.addEventListener("sanad:filter", offer);
  sanad.call("working", {}).then(
    (state) => {
      changes = state.changes;
      if (state.running) poll();
    },
    () => {}, // the conversation's script reports the error
  );
})();
