// The base of all other scripts: the words in the page's language, the connection to the server, and small functions
// that several scripts use. The one global name is `sanad`.

window.sanad = (() => {
  const { words, names } = window.sanadWords; // made by ui/wording/words.py
  const CHOSEN = "sanad/language";
  const LONGEST = 150; // characters of a line in a question to the reader
  const SAID = 6000; // milliseconds for which a message is shown
  // Milliseconds that the server has to answer a health check. One that has died refuses at once; one that loads its
  // model on a busy machine may be silent for 50 s.
  const HEALTH = 60000;
  const RETRY = 2000; // milliseconds between two health checks while the server is away

  // The server: the functions of ui/indexes.py are endpoints of Gradio, which take a list of values.
  const ENDPOINTS = "/gradio_api";
  const TAB = crypto.getRandomValues(new Uint32Array(4)).join("-"); // tabs take turns in the server's queue

  async function post(path, value) {
    const body = JSON.stringify({ data: [{ language: language(), ...sanad.indexes.named(), ...value }] });
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(`${ENDPOINTS}/${path}`, { method: "POST", headers, body });
    if (!reply.ok) throw new Error(`${path} failed`);
    return reply.json();
  }

  // Calls a function; the caller handles errors. None of the functions returns nothing.
  async function call(name, value) {
    const result = (await post(`run/${name}`, value)).data?.[0];
    if (result === undefined || result === null) throw new Error(`${name} failed`);
    return result;
  }

  // Asks a question: `hear` gets the turn at once and whenever it has changed; `lost` is called if that ends too early.
  let asked = Promise.resolve(); // the id of the last question
  function ask(value, hear, lost) {
    asked = call("begin", value).then(async (turn) => {
      hear(turn);
      const { event_id: id } = await post("call/answer", { ...value, tab: TAB });
      const stream = new EventSource(`${ENDPOINTS}/call/answer/${id}`);
      stream.addEventListener("generating", ({ data }) => hear(JSON.parse(data)[0]));
      stream.addEventListener("complete", () => stream.close());
      stream.addEventListener("error", () => {
        stream.close(); // the server has dropped the question: there is nothing to connect to again
        lost();
      });
      return id;
    });
    asked.catch(lost);
  }

  const stop = async () => call("stop", { asked: await asked });

  const day = (when, style) =>
    new Date(when).toLocaleDateString({ en: "en-GB", ar: "ar-EG-u-nu-latn" }[language()], { dateStyle: style });

  async function healthy() {
    try {
      return (await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(HEALTH) })).ok;
    } catch {
      return false;
    }
  }

  // Whether the server is another process than the one that served this page: it knows nothing of this tab's question.
  async function restarted() {
    try {
      const reply = await fetch(`${ENDPOINTS}/app_id`, { cache: "no-store", signal: AbortSignal.timeout(HEALTH) });
      // Both are read as numbers: the id has more digits than a number of JavaScript.
      return reply.ok && (await reply.json()).app_id !== Number(document.documentElement.dataset.app);
    } catch {
      return false;
    }
  }

  // Reports a failed call. "Cannot be reached" is said only after a failed health check, and until the server is back.
  let away = false;
  async function failed() {
    if (away) return;
    if (await healthy()) return say("failed");
    if (away) return;
    away = true;
    const place = document.getElementById("sanad-said");
    clearTimeout(saidUntil);
    place.textContent = word("unreachable");
    do await new Promise((done) => setTimeout(done, RETRY));
    while (!(await healthy()));
    if (await restarted()) return location.reload();
    away = false;
    place.textContent = "";
    document.dispatchEvent(new Event("sanad:back"));
  }

  // The language: the reader's choice, else the browser's.
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
    write(CHOSEN, code);
    turnPage();
    document.dispatchEvent(new Event("sanad:language"));
  }

  function turnPage() {
    document.documentElement.lang = language();
    document.documentElement.dir = language() === "ar" ? "rtl" : "ltr";
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

  function write(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {} // a browser without storage still shows the page
  }

  // Shows a message for a moment and announces it to screen readers.
  let saidUntil = 0;
  function say(key, values) {
    const place = document.getElementById("sanad-said");
    place.textContent = word(key, values);
    clearTimeout(saidUntil);
    saidUntil = setTimeout(() => (place.textContent = away ? word("unreachable") : ""), SAID);
  }

  // Asks for confirmation of a destructive action: lines of text, each in its own direction.
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

  // Updates an element only where the next version differs: focus, expanded parts and selection are kept, and a screen
  // reader announces nothing twice.
  function morph(old, next) {
    for (const { name } of [...old.attributes])
      if (name !== "open" && !next.hasAttribute(name)) old.removeAttribute(name); // the reader may have expanded it
    for (const { name, value } of next.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const wanted = [...next.childNodes];
    while (old.childNodes.length > wanted.length) old.lastChild.remove();
    wanted.forEach((child, at) => {
      const there = old.childNodes[at];
      if (!there) old.append(child);
      else if (there.nodeName !== child.nodeName || there.className !== child.className) there.replaceWith(child);
      else if (child.nodeType === Node.ELEMENT_NODE) morph(there, child);
      else if (there.data !== child.data) there.data = child.data;
    });
  }

  // The views of the page.
  function show(view) {
    document.body.dataset.view = view;
    for (const button of document.querySelectorAll("button[data-view]"))
      if (button.dataset.view === view) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    document.getElementById("sanad-articles").hidden = view !== "articles";
    document.dispatchEvent(new Event("sanad:view"));
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-view]");
    if (button) show(button.dataset.view);
    if (target.closest("#sanad-language")) setLanguage(language() === "ar" ? "en" : "ar");
  });
  turnPage();

  return {
    call, ask, stop, healthy, restarted, failed, language, read, write, word, day, say, sure, glide, morph, show,
  };
})();
