// Citations: a card beside the chip under the pointer, and a panel with the cited article.

sanad.citations = (() => {
  const LINGER = 200; // milliseconds for moving the pointer from the chip to the card
  let opener = null; // the element that had the focus before the panel opened
  let asked = 0; // counts openings, so that a slow response cannot overwrite a later one
  let shown = null; // the content of the panel, to show it again in another language
  let hiding = 0;

  const panel = () => document.getElementById("sanad-panel");
  const card = () => document.getElementById("sanad-card");

  // In a narrow window the article covers everything: the keyboard must not reach the page below it.
  const narrow = matchMedia("(max-width: 59.99rem)"); // as in articles.css
  const BELOW = ".skip, .sanad .bar, #sanad-conversations, #sanad-work, main, #sanad-composer, #sanad-offers";
  function shield() {
    for (const one of document.querySelectorAll(BELOW)) one.inert = narrow.matches && !panel().hidden;
  }
  narrow.addEventListener("change", shield);

  async function open(place, from, entry = null) {
    const mine = ++asked;
    place = { ...sanad.indexes.named(), ...place };
    if (from) opener = from;
    shown = [place, entry];
    markCurrent(entry);
    let page;
    try {
      page = await sanad.call("read_article", place);
    } catch {
      sanad.failed();
      page = `<p class="failure" role="alert">${sanad.word("unfetched")}</p>`;
    }
    if (mine !== asked) return;
    showPlace(entry);
    const body = panel().querySelector(".panel-body");
    body.innerHTML = page; // from ui/html/library.py, which escapes everything
    panel().hidden = false;
    shield();
    document.body.classList.add("reading");
    body.scrollTop = 0;
    sanad.original.show(body, entry?.querySelector(".page")?.dataset.page, place);
    body.querySelector("mark")?.scrollIntoView({ block: "center" });
    if (from) panel().querySelector(".panel-close").focus({ preventScroll: true });
  }

  function openEntry(entry, from) {
    const { article, start, end } = entry.dataset;
    const quote = entry.querySelector(".quote").textContent;
    return open({ article, span: [Number(start), Number(end), quote] }, from, entry);
  }

  // The sources of the same answer, in the order of their numbers; an entry that was drawn again is found by its id.
  function around(entry) {
    const same = document.querySelectorAll(`.source[id^="${entry.id.replace(/\d+$/, "")}"]`);
    const number = ({ id }) => Number(id.match(/\d+$/));
    const all = [...same].sort((one, other) => number(one) - number(other));
    return [all, all.findIndex(({ id }) => id === entry.id)];
  }

  // Which of the answer's sources is open, and its page.
  function showPlace(entry) {
    const [all, at] = entry ? around(entry) : [[], 0];
    const [steps, place] = [".steps", ".at"].map((css) => panel().querySelector(css));
    steps.hidden = all.length < 2;
    steps.querySelector(".previous").disabled = at <= 0;
    steps.querySelector(".next").disabled = at === all.length - 1;
    const of = all.length > 1 ? sanad.word("source_of", { n: at + 1, all: all.length }) : "";
    const page = all[at]?.querySelector(".page")?.dataset.page; // not its words, which may be in the other language yet
    place.textContent = [of, page && sanad.word("page", { n: page })].filter(Boolean).join(" · ");
  }

  async function step(by, button) {
    const [all, at] = around(shown[1]);
    const entry = all[at + by];
    if (!entry) return;
    entry.closest("details")?.setAttribute("open", "");
    entry.scrollIntoView({ block: "nearest", behavior: sanad.glide() });
    await openEntry(entry, null);
    if (button.disabled) panel().querySelector(".steps button:enabled").focus();
  }

  function close() {
    if (panel().hidden) return;
    asked += 1;
    shown = null;
    sanad.original.leave();
    panel().hidden = true;
    shield();
    document.body.classList.remove("reading");
    markCurrent(null);
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    hideCard(); // giving the focus back has shown it again
  }

  function markCurrent(entry) {
    document.querySelectorAll(".source[aria-current]").forEach((old) => old.removeAttribute("aria-current"));
    entry?.setAttribute("aria-current", "true");
  }

  const entryOf = (chip) => document.getElementById(chip.hash.slice(1));

  // The card repeats the source's entry: outlet, date, headline and quote.
  function showCard(chip) {
    const entry = entryOf(chip);
    if (!entry) return;
    clearTimeout(hiding);
    hideCard(); // it may be that of another chip
    const box = card();
    box.replaceChildren(
      ...[...entry.querySelectorAll(":is(.provenance, .title, .mark, .quote, .translation)")].map((one) => one.cloneNode(true)),
    );
    box.querySelectorAll("[tabindex]").forEach((one) => one.removeAttribute("tabindex"));
    const verdict = chip.closest(".claim")?.querySelector(".verdict");
    if (verdict) box.append(verdict.cloneNode(true));
    box.hidden = false;
    chip.setAttribute("aria-describedby", box.id); // no other: it would be described even by a hidden card
    const at = chip.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = box;
    const above = at.top - height - 8;
    const left = document.dir === "rtl" ? at.right - width : at.left;
    box.style.top = `${above > 0 ? above : at.bottom + 8}px`;
    box.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - width - 8))}px`;
  }

  function hideCard() {
    if (card().hidden) return;
    card().hidden = true;
    document.querySelector(".chip[aria-describedby]")?.removeAttribute("aria-describedby");
  }
  const hideSoon = () => {
    clearTimeout(hiding);
    hiding = setTimeout(hideCard, LINGER);
  };

  document.addEventListener("click", (event) => {
    const chip = event.target.closest?.(".sanad .chip");
    const button = event.target.closest?.(".sanad .opener");
    const entry = chip ? entryOf(chip) : button?.closest(".source");
    if (!entry) return;
    event.preventDefault();
    hideCard();
    if (chip) entry.scrollIntoView({ block: "nearest", behavior: sanad.glide() });
    openEntry(entry, chip ?? button);
  });
  panel().querySelector(".panel-close").addEventListener("click", close);
  for (const [css, by] of [[".previous", -1], [".next", 1]])
    panel().querySelector(css).addEventListener("click", ({ currentTarget }) => step(by, currentTarget));
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return; // Escape closes the dialog alone
    if (event.key !== "Escape" || (card().hidden && panel().hidden)) return;
    event.preventDefault(); // it means this alone
    if (!card().hidden) hideCard();
    else close();
  });
  for (const [shows, hides] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    document.addEventListener(shows, ({ target, pointerType }) => {
      if (pointerType === "touch") return; // a touch opens the article at once
      const chip = target.closest?.(".sanad .chip");
      if (chip) showCard(chip);
      else if (card().contains(target)) clearTimeout(hiding);
    });
    document.addEventListener(hides, ({ target }) => {
      if (target.closest?.(".sanad .chip, #sanad-card")) hideSoon();
    });
  }
  document.addEventListener("scroll", hideCard, { capture: true, passive: true });
  document.addEventListener("sanad:view", hideCard);
  for (const kind of ["sanad:language", "sanad:articles"])
    document.addEventListener(kind, () => {
      if (shown) open(shown[0], null, shown[1]);
    });

  // A link to a sentence: /?article=ID&start=120&end=185, where the numbers are those of a citation; with &index=NAME
  // where the server has several indexes.
  const linked = new URLSearchParams(location.search);
  if (linked.has("article")) {
    const span = ["start", "end"].map((name) => (linked.get(name) ? Number(linked.get(name)) : NaN));
    const index = sanad.indexes.named(linked.get("index") ?? undefined);
    open({ article: linked.get("article"), span: span.every(Number.isInteger) ? span : null, ...index });
  }

  return { open, close };
})();
