// The list of conversations: search, open, rename, save and delete.

(() => {
  const CLOSED = "sanad/rail"; // whether the reader has closed the rail of a wide window
  const wide = matchMedia("(min-width: 90rem)"); // as in bar.css: there the list is a rail beside the conversation
  const FORMATS = ["markdown", "html", "csl"];
  const drawer = document.getElementById("sanad-conversations");
  const button = document.getElementById("sanad-show-conversations");
  const search = drawer.querySelector("input");
  const { box, current, named, turnTo } = sanad.conversation;

  function make(tag, attributes, ...children) {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
  }

  const action = (act) => make("button", { type: "button", textContent: sanad.word(act) });

  function row({ id, title, changed, index }) {
    const open = make("button", { type: "button", className: "title", textContent: title, dir: "auto" });
    if (id === current().id) open.setAttribute("aria-current", "true");
    const day = sanad.day(changed, "medium");
    const summary = make("summary", { textContent: "⋯" });
    summary.setAttribute("aria-label", sanad.word("conversation_options", { title }));
    const rename = Object.assign(action("conversation_rename"), { className: "rename" });
    const remove = Object.assign(action("conversation_delete"), { className: "remove" });
    remove.setAttribute("aria-label", sanad.word("conversation_delete_which", { title }));
    const files = FORMATS.map((format) => {
      const save = action(`save_${format}`);
      save.textContent = `${sanad.word("save")}: ${save.textContent}`;
      save.dataset.format = format;
      return save;
    });
    const when = make("p", { className: "when" }, make("time", { textContent: day }));
    if (sanad.indexes.shown(index)) when.append(" · ", make("bdi", { textContent: index }));
    const item = make("li", {}, open, when, make("details", {}, summary, rename, ...files, remove));
    item.dataset.id = id;
    return item;
  }

  // Whether a conversation contains every word: in its name, its questions or its answers.
  function matches({ title, turns }, words) {
    const text = [title, ...turns.flatMap((turn) => [turn.question, turn.answer?.text ?? ""])].join("\n").toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  }

  function list() {
    if (drawer.hidden) return;
    const all = sanad.store.all();
    const found = all.filter((one) => matches(one, search.value.toLocaleLowerCase().split(/\s+/)));
    drawer.querySelector("ul").replaceChildren(...found.map(row));
    search.hidden = !all.length;
    const word = !all.length ? "conversations_none" : found.length ? "conversations_kept" : "conversations_unmatched";
    drawer.querySelector(".kept").textContent = sanad.word(word);
  }

  function show(now) {
    drawer.hidden = !now;
    button.setAttribute("aria-expanded", now);
    if (now) list();
  }

  function rename(item) {
    const { id } = item.dataset;
    const title = item.querySelector(".title");
    const field = make("input", { type: "text", value: title.textContent, maxLength: 80, dir: "auto" });
    field.setAttribute("aria-label", sanad.word("conversation_name"));
    const end = (keep) => {
      if (!field.isConnected) return;
      if (keep && field.value.trim()) {
        sanad.store.rename(id, field.value.trim());
        if (id === current().id) {
          current().name = field.value.trim();
          current().title = current().name;
          named();
        }
      }
      list();
      drawer.querySelector(`li[data-id="${CSS.escape(id)}"] summary`)?.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      end(event.key === "Enter");
    });
    title.replaceWith(field);
    field.select();
    field.addEventListener("blur", () => end(true));
  }

  button.addEventListener("click", () => {
    if (wide.matches) sanad.write(CLOSED, drawer.hidden ? "" : "closed");
    show(drawer.hidden);
  });
  const adapt = () => show(wide.matches && sanad.read(CLOSED) !== "closed");
  const fold = () => wide.matches || show(false);
  wide.addEventListener("change", adapt);
  search.addEventListener("input", list);
  drawer.addEventListener("click", async ({ target }) => {
    const item = target.closest("li");
    if (!item || !target.matches("button")) return;
    const { id } = item.dataset;
    if (target.matches(".title")) {
      fold();
      if (id === current().id) {
        sanad.show("ask"); // turning to it again would stop its answer
        return box.focus({ preventScroll: true });
      }
      return turnTo(sanad.store.get(id) ?? sanad.store.fresh());
    }
    if (target.matches(".rename")) return rename(item);
    if (target.dataset.format) return sanad.actions.save(sanad.store.get(id)?.turns ?? [], target.dataset.format);
    if (!(await sanad.sure([sanad.word("conversation_delete_sure")], "yes_delete"))) return;
    sanad.store.remove(id);
    if (id === current().id) turnTo(sanad.store.fresh());
    else list();
  });
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return; // Escape closes the dialog alone
    if (event.key !== "Escape" || drawer.hidden || wide.matches || event.defaultPrevented) return;
    event.preventDefault();
    show(false);
    button.focus();
  });
  document.getElementById("sanad-new").addEventListener("click", fold);
  for (const kind of ["sanad:history", "sanad:language"]) document.addEventListener(kind, list);
  adapt();
})();
