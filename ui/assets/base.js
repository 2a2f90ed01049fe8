// What every other script stands on: the words in the page's language, the components that Gradio mounts, and
// small pieces of the page that several parts use. Everything hangs on the one global name `sanad`.

window.sanad = (() => {
  const { words, names } = window.sanadWords; // made by ui/words.py
  const CHOSEN = "sanad/language";
  const LONGEST = 150; // characters of a line in a question to the reader
  const SAID = 6000; // milliseconds that a message stays

  // Components, by the names that ui/app.py gives them. They are mounted in no certain order.
  const parts = {};

  function mount(name, part) {
    parts[name] = part;
    part.element.dataset.part = name;
    translate(part.element);
    const { shell, live, composer, kept } = parts;
    if (shell && live && composer && kept) document.dispatchEvent(new Event("sanad:ready"));
  }

  const onReady = (start) => document.addEventListener("sanad:ready", () => start(parts), { once: true });

  // Calls a function of ui/page.py; an error is the caller's.
  const call = (name, value) => parts.shell.server[name]({ language: language(), ...value });

  // The language: chosen once, else the browser's.
  let current = null;

  function language() {
    if (current) return current;
    const chosen = read(CHOSEN);
    const first = (navigator.languages ?? [navigator.language]).find((code) => /^(ar|en)\b/i.test(code)) ?? "en";
    current = chosen in words ? chosen : first.slice(0, 2).toLowerCase();
    return current;
  }

  function setLanguage(code) {
    current = code;
    try {
      localStorage.setItem(CHOSEN, code);
    } catch {} // a browser that keeps nothing still shows the page
    turnPage();
    document.dispatchEvent(new Event("sanad:language"));
  }

  function turnPage() {
    // Gradio writes ltr on the block around each component, so that the document's own way does not reach it.
    for (const root of [document.documentElement, ...Object.values(parts).map(({ element }) => element)]) {
      root.lang = language();
      root.dir = language() === "ar" ? "rtl" : "ltr";
    }
    translate(document);
  }

  const word = (key, values = {}) =>
    words[language()][key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

  function translate(root) {
    for (const one of root.querySelectorAll("[data-word]")) one.textContent = word(one.dataset.word);
    for (const one of root.querySelectorAll("[data-label]")) one.setAttribute("aria-label", word(one.dataset.label));
    for (const one of root.querySelectorAll("[data-hint]")) one.placeholder = word(one.dataset.hint);
    const other = language() === "ar" ? "en" : "ar";
    const button = root.querySelector("#sanad-language");
    if (button) Object.assign(button, { textContent: names[other], lang: other });
  }

  function read(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  // Says something for a moment, to screen readers too.
  let saidUntil = 0;
  function say(key, values) {
    const place = document.getElementById("sanad-said");
    place.textContent = word(key, values);
    clearTimeout(saidUntil);
    saidUntil = setTimeout(() => (place.textContent = ""), SAID);
  }

  // Asks whether something that cannot be undone is meant: lines of text, each in its own direction.
  function sure(lines, yes) {
    const dialog = document.getElementById("sanad-sure");
    const paragraphs = lines.map((text) => {
      const line = document.createElement("p");
      return Object.assign(line, { textContent: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text, dir: "auto" });
    });
    dialog.querySelector(".asked").replaceChildren(...paragraphs);
    dialog.querySelector(".danger").textContent = word(yes);
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((done) =>
      dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }),
    );
  }

  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const glide = () => (calm.matches ? "auto" : "smooth");

  onReady(({ shell }) => {
    turnPage();
    shell.element
      .querySelector("#sanad-language")
      .addEventListener("click", () => setLanguage(language() === "ar" ? "en" : "ar"));
    const show = (view) => {
      document.body.dataset.view = view;
      for (const button of shell.element.querySelectorAll("[data-view]"))
        
        if (button.dataset.view === view) button.setAttribute("aria-current", "page");
        else button.removeAttribute("aria-current");
      document.getElementById("sanad-articles").hidden = view !== "articles";
      document.dispatchEvent(new Event("sanad:view"));
    };
    shell.element.addEventListener("click", ({ target }) => {
      const button = target.closest("button[data-view]");
      if (button) show(button.dataset.view);
    });
    sanad.show = show;
  });

  return { mount, onReady, call, language, word, translate, say, sure, glide };
})();
