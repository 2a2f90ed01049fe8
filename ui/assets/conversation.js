// The conversation: asking, the turn that is being answered, earlier turns, several conversations.
//
// The server redraws the live turn; when the next question is asked, the finished one moves to the past. What
// is kept of a turn comes from the server as a record, which it can draw again after a reload.

sanad.onReady(({ shell, live, composer, kept }) => {
  const REMEMBERED = 6; // earlier turns that the model is told of; ui/exchange.py takes no more
  const UNREACHABLE = 20000; // milliseconds in which a question must have come to the page
  const FINAL = ["done", "failed", "stopped"];

  const past = shell.element.querySelector("#sanad-past");
  const welcome = shell.element.querySelector("#sanad-welcome");
  const drawer = shell.element.querySelector("#sanad-conversations");
  const drawerButton = shell.element.querySelector("#sanad-show-conversations");
  const form = composer.element.querySelector("form#sanad-form");
  const box = form.querySelector("textarea");
  const stop = form.querySelector("#sanad-stop");

  let conversation = sanad.store.opened() ?? sanad.store.fresh();
  let owner = conversation; // whose question is being answered
  let busy = false;
  let asking = 0; // the clock that tells that the server cannot be reached
  let askedIn = null; // the page's language then
  let shownTurn = null; // id of the live turn
  let finished = ""; // the live turn's HTML, once it is final
  let drawn = 0; // counts drawings of the past, so that a slow one cannot overwrite a later one
  const unfolded = new Set();
  let rewriting = false;

  const liveTurn = () => live.element.querySelector(".turn");
  const lastNumber = () => Math.max(0, ...conversation.turns.map(({ number }) => number));

  // Asking

  function ask(question, filter = sanad.filter.chosen(), number = lastNumber() + 1) {
    if (busy || !question.trim()) return false;
    const history = conversation.turns
      .filter((turn) => turn.answer && turn.number < number)
      .slice(-REMEMBERED)
      .map(({ answer }) => [answer.question, answer.text]);
    owner = conversation;
    askedIn = sanad.language();
    // Kept at once: a reload meanwhile stops the answer, but must not lose the question.
    keep({ number, question, stage: "stopped" });
    setBusy(true);
    sanad.filter.fold();
    asking = setTimeout(() => {
      setBusy(false);
      if (!box.value) box.value = question;
      grow();
      sanad.say("unreachable");
    }, UNREACHABLE);
    composer.trigger("submit", { question, number, history, filter, language: sanad.language() });
    return true;
  }

  function keep(turn) {
    owner.turns = [...owner.turns.filter(({ number }) => number !== turn.number), turn];
    if (!sanad.store.put(owner)) sanad.say("store_full");
    sanad.store.open(conversation.id);
    listConversations();
  }

  function setBusy(now) {
    if (now === busy) return;
    const focused = form.contains(document.activeElement);
    busy = now;
    form.querySelector("#sanad-ask").hidden = now;
    stop.hidden = !now;
    if (focused) box.focus({ preventScroll: true }); // or it would be lost with the button that vanished
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!box.value.trim()) return box.focus();
    if (ask(box.value)) box.value = "";
    grow();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const grow = () => {
    box.dir = box.value ? "auto" : ""; // an empty box runs the way of the page
    box.style.blockSize = "auto";
    box.style.blockSize = `${box.scrollHeight + 2}px`;
  };
  box.addEventListener("input", grow);
  stop.addEventListener("click", () => composer.trigger("stop"));

  // The live turn

  live.watch("value", () => {
    clearTimeout(asking);
    const turn = liveTurn();
    if (turn && !FINAL.includes(turn.dataset.stage)) setBusy(true); // it came later than anyone would wait
    live.element.hidden = busy && owner !== conversation; // another one was turned to
    if (live.element.hidden) return;
    keepUnfolded();
    if (turn && turn.id !== shownTurn) {
      if (shownTurn && finished) past.insertAdjacentHTML("beforeend", finished);
      finished = "";
      welcome.hidden = true;
      turn.scrollIntoView({ block: "start", behavior: sanad.glide() });
    }
    if (!turn && shownTurn) sanad.citations.close();
    shownTurn = turn?.id ?? null;
    finished = turn && FINAL.includes(turn.dataset.stage) ? turn.outerHTML : "";
  });

  kept.watch("value", () => {
    const turn = kept.props.value?.turn;
    if (!turn) return;
    setBusy(false);
    keep(turn);
    if (turn.stage === "failed" && !box.value) {
      box.value = turn.question; // to be mended and asked again
      grow();
    }
    live.element.hidden = false;
    if (owner !== conversation) live.props.value = "";
    else if (askedIn !== sanad.language()) draw();
    else if (turn.answer) shell.element.querySelector("#sanad-heard").textContent = turn.answer.text;
  });

  // Gradio rewrites attributes on every update, and with them what the reader unfolded.
  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (!target.id || !target.matches(".sanad.turn details")) return;
      if (target.open) unfolded.add(target.id);
      else if (!rewriting) unfolded.delete(target.id);
    },
    true,
  );
  function keepUnfolded() {
    rewriting = true;
    requestAnimationFrame(() => {
      for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
      setTimeout(() => (rewriting = false)); // after the toggle events of this rewriting
    });
  }

  // Conversations

  async function draw() {
    const mine = ++drawn;
    const turns = conversation.turns.filter(({ number }) => !busy || `t${number}` !== shownTurn);
    let html = "";
    if (turns.length) {
      try {
        html = await sanad.call("show", { turns });
      } catch {
        return sanad.say("unreachable");
      }
    }
    if (mine !== drawn) return;
    past.innerHTML = html; // made by ui/render.py, everything in it escaped
    if (!busy) {
      shownTurn = null;
      live.props.value = "";
    }
    welcome.hidden = turns.length > 0 || (busy && owner === conversation);
    keepUnfolded();
  }

  async function turnTo(next) {
    if (busy) composer.trigger("stop");
    sanad.citations.close();
    unfolded.clear();
    conversation = next;
    sanad.store.open(next.id);
    sanad.show("ask");
    shownTurn = null;
    finished = "";
    live.props.value = "";
    await draw();
    listConversations();
    past.lastElementChild?.scrollIntoView({ block: "start" });
    box.focus({ preventScroll: true });
  }

  function listConversations() {
    const items = sanad.store.all().map(({ id, title }) => {
      const item = document.createElement("li");
      const open = document.createElement("button");
      const remove = document.createElement("button");
      Object.assign(open, { type: "button", className: "title", textContent: title, dir: "auto" });
      Object.assign(remove, { type: "button", className: "remove", textContent: sanad.word("conversation_delete") });
      remove.setAttribute("aria-label", sanad.word("conversation_delete_which", { title }));
      if (id === conversation.id) open.setAttribute("aria-current", "true");
      item.dataset.id = id;
      item.append(open, remove);
      return item;
    });
    drawer.querySelector("ul").replaceChildren(...items);
    drawer.querySelector(".kept").textContent = sanad.word(items.length ? "conversations_kept" : "conversations_none");
  }

  function openDrawer(now) {
    drawer.hidden = !now;
    drawerButton.setAttribute("aria-expanded", now);
    if (now) listConversations();
  }

  drawerButton.addEventListener("click", () => openDrawer(drawer.hidden));
  drawer.addEventListener("click", async ({ target }) => {
    const id = target.closest("li")?.dataset.id;
    if (!id || !target.matches("button")) return;
    if (target.matches(".title")) {
      openDrawer(false);
      return turnTo(sanad.store.get(id) ?? sanad.store.fresh());
    }
    if (!(await sanad.sure([sanad.word("conversation_delete_sure")], "yes_delete"))) return;
    sanad.store.remove(id);
    if (id === conversation.id) turnTo(sanad.store.fresh());
    else listConversations();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !drawer.hidden) {
      openDrawer(false);
      drawerButton.focus();
    }
  });
  shell.element.querySelector("#sanad-new").addEventListener("click", () => {
    openDrawer(false);
    turnTo(sanad.store.fresh());
  });

  // What can be done with a turn

  const recordOf = (turn) => conversation.turns.find(({ number }) => `t${number}` === turn.id);

  async function copy(record, format) {
    try {
      const text = await sanad.call("copy", { turn: record, form: format });
      await navigator.clipboard.writeText(text);
      sanad.say("copied");
    } catch {
      sanad.say("copy_failed");
    }
  }

  function retry(turn, record) {
    const where = record.where;
    const filter = where ? [where.outlets, where.since ?? "", where.until ?? "", where.language ?? ""] : undefined;
    const last = record.number === lastNumber();
    if (busy) return;
    if (last) {
      conversation.turns = conversation.turns.filter((one) => one !== record);
      if (past.contains(turn)) turn.remove();
      finished = "";
    }
    if (record.stage === "failed" && box.value === record.question) box.value = "";
    ask(record.question, filter, last ? record.number : undefined);
  }

  function rate(turn, record, vote) {
    turn.querySelector(".rating")?.remove();
    const rating = document.createElement("form");
    const label = document.createElement("label");
    const comment = document.createElement("textarea");
    const send = document.createElement("button");
    rating.className = "rating";
    label.textContent = sanad.word(`comment_${vote}`);
    Object.assign(comment, { rows: 2, dir: "auto", maxLength: 2000 });
    Object.assign(send, { type: "submit", textContent: sanad.word("send") });
    label.append(comment);
    rating.append(label, send);
    rating.addEventListener("submit", async (event) => {
      event.preventDefault();
      let failure = "";
      try {
        failure = await sanad.call("rate", { turn: record, vote, comment: comment.value });
      } catch {
        return sanad.say("unreachable");
      }
      if (failure) return rating.insertAdjacentHTML("beforeend", failure); // made by ui/faults.py
      rating.remove();
      sanad.say("thanks");
      turn.querySelector(`[data-act="${vote}"]`)?.focus();
    });
    turn.querySelector(".actions").after(rating);
    comment.focus();
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-act]");
    const turn = button?.closest(".turn");
    const record = turn && recordOf(turn);
    if (!record) return;
    const act = button.dataset.act;
    if (act === "copy" || act === "copy_markdown") copy(record, act === "copy" ? "text" : "markdown");
    else if (act === "retry") retry(turn, record);
    else rate(turn, record, act);
  });
  welcome.addEventListener("click", ({ target }) => {
    const example = target.closest(".example");
    if (example) ask(example.textContent);
  });

  // The beginning, and whenever the language or the articles change

  async function begin() {
    try {
      const start = await sanad.call("start", {});
      welcome.innerHTML = start.welcome; // made by ui/library.py
      sanad.filter.replace(start.filter);
    } catch {
      sanad.say("unreachable");
    }
  }

  document.addEventListener("sanad:language", () => {
    begin();
    draw();
    listConversations();
  });
  document.addEventListener("sanad:articles", begin);
  grow();
  begin();
  draw().then(() => past.lastElementChild?.scrollIntoView({ block: "start" }));
});
