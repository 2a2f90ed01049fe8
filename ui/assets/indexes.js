// The indexes of the server, and the one that this tab uses: that of its conversation. With one index there is no
// control, and requests name none.

sanad.indexes = (() => {
  const CHOSEN = "sanad/index"; // the tab's own choice, and in the browser the last one, for the next tab
  const names = JSON.parse(document.documentElement.dataset.indexes);
  const several = names.length > 1;
  const select = several ? build() : null;
  const served = (name) => !name || names.includes(name);

  let current = several ? remembered(new URLSearchParams(location.search).get("index")) : undefined;
  if (several) {
    select.value = current;
    hold();
  }

  function remembered(linked) {
    let here = null;
    try {
      here = sessionStorage.getItem(CHOSEN);
    } catch {}
    return [linked, here, sanad.read(CHOSEN)].find((name) => names.includes(name)) ?? names[0];
  }

  // Another tab's choice must not reach this one at its next reload.
  function hold() {
    try {
      sessionStorage.setItem(CHOSEN, current);
    } catch {}
  }

  function build() {
    const [label, text, field] = ["label", "span", "select"].map((tag) => document.createElement(tag));
    label.className = "index";
    text.dataset.word = "index";
    text.textContent = sanad.word("index");
    field.id = "sanad-index";
    field.append(...names.map(option));
    label.append(text, field);
    document.getElementById("sanad-language").before(label);
    field.addEventListener("change", () => {
      sanad.write(CHOSEN, field.value);
      sanad.conversation.choose(field.value);
    });
    return field;
  }

  function option(name) {
    return Object.assign(new Option(name, name), { dir: "auto" });
  }

  // Turns to the index of a conversation, which may be one that is not served any more.
  function turn(name) {
    if (name === current) return;
    current = name;
    if (select) {
      select.querySelector(".gone")?.remove();
      if (!served(name)) select.append(Object.assign(option(name), { className: "gone" }));
      select.value = name;
    }
    if (several && served(name)) hold();
    warn();
    document.dispatchEvent(new Event("sanad:index"));
  }

  // Says above the question box that there is no such index any more.
  function warn() {
    const form = document.getElementById("sanad-form");
    const old = form.parentElement.querySelector(".gone");
    if (served(current)) return old?.remove();
    const line = old ?? document.createElement("p");
    line.className = "gone";
    line.setAttribute("role", "status");
    if (!old) form.before(line);
    line.textContent = sanad.word("index_gone", { index: current });
  }
  document.addEventListener("sanad:language", warn);

  return {
    current: () => current,
    // What a request or a stored conversation names.
    named: (name = current) => (name ? { index: name } : {}),
    // Of a new conversation, and of one that was stored while the server had one index.
    fresh: () => (several ? { index: served(current) ? current : remembered() } : {}),
    old: () => (several ? { index: names[0] } : {}),
    shown: (name) => Boolean(name) && (several || !served(name)),
    turn,
  };
})();
