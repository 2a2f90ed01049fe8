// The conversation: asking, the live turn and past turns.
//
// The server sends the live turn whenever it has changed. When the next question is asked, the finished turn moves to
// the past. With the last update of a turn the server sends a record, from which it can render the turn after a reload.

(() => {
  const REMEMBERED = 6; // earlier turns to send; the server uses no more
  const FIRST = 2000; // milliseconds without any update after which the server's health is checked
  const SILENT = 10000; // the same between two updates; a busy server pauses for a few seconds
  const PATIENCE = 6; // such checks of a healthy server after which its updates count as lost
  const FINAL = ["done", "failed", "stopped"];

  const [past, live, welcome, offers, form, stop] = ["past", "live", "welcome", "offers", "form", "stop"].map((name) =>
    document.getElementById(`sanad-${name}`),
  );
  const box = form.querySelector("textarea");

  let conversation = sanad.store.addressed() ?? sanad.store.fresh();
  let owner = conversation; // the conversation whose question is being answered
  let running = 0; // number of the question that is being answered, or was last
  let busy = false;
  let stopped = false; // the reader has stopped the running question: its turn stays stopped, whatever arrives later
  let queued = ""; // a question that is sent once the stopped one has ended
  let ended = Promise.resolve(); // resolved when the running question has ended: only then can the next one be sent
  let end = () => {};
  let silence = 0; // timer of the next health check
  let silent = 0; // number of health checks since the last update
  let askedIn = null; // the page's language when the question was asked
  let drawn = 0; // counts renderings of the past, so that a slow one cannot overwrite a later one
  let drawing = false; // whether one is on its way
  const unfolded = new Set();
  sanad.indexes.turn(conversation.index);

  const liveTurn = () => live.querySelector(".turn");
  const isFinal = (turn) => FINAL.includes(turn.dataset.stage);
  const lastNumber = () => Math.max(0, ...conversation.turns.map(({ number }) => number));

  // Asking

  function ask(question, filter = sanad.filter.chosen(), number = lastNumber() + 1, answers = sanad.filter.answers()) {
    if (busy || !question.trim()) return false;
    const history = conversation.turns
      .filter((turn) => turn.answer && turn.number < number)
      .slice(-REMEMBERED)
      .map(({ answer }) => [answer.question, answer.text]);
    owner = conversation;
    running = number;
    stopped = false;
    askedIn = sanad.language();
    // Stored at once: a reload stops the answer but must not lose the question.
    keep({ number, question, stage: "stopped" });
    setBusy(true);
    ended = new Promise((done) => (end = done));
    sanad.filter.fold();
    silent = 0;
    listen(question, FIRST);
    const index = sanad.indexes.named(conversation.index);
    sanad.ask({ question, number, history, filter, answers, ...index }, hear, () => lose(question));
    return true;
  }

  // The connection broke before the turn was complete: the server's health decides at once what the page says.
  function lose(question) {
    if (!busy) return;
    silent = PATIENCE;
    listen(question, 0);
  }

  // While a question is being answered, the server sends an update every second. If it is silent, its health decides
  // what the page says; if updates arrive again, the turn continues.
  function listen(question, after = SILENT) {
    clearTimeout(silence);
    const mine = (silence = setTimeout(async () => {
      const healthy = await sanad.healthy();
      const lost = healthy ? silent >= PATIENCE || (await sanad.restarted()) : !stopped;
      if (mine !== silence) return; // an update has arrived
      if (lost) return giveUp(question, healthy);
      silent += 1;
      if (!healthy) sanad.failed(); // the next question waits: sent now, it would be lost behind the stopped one
      else if (after === SILENT && !stopped) setStatus("still_working");
      listen(question);
    }, after));
  }

  function giveUp(question, healthy) {
    if (!box.value && !queued) write(question);
    endStatus(healthy ? "interrupted" : "unreachable");
    if (healthy) sanad.say("interrupted");
    else sanad.failed();
    setBusy(false);
  }

  function keep(turn) {
    owner.turns = [...owner.turns.filter(({ number }) => number !== turn.number), turn];
    if (!sanad.store.put(owner)) sanad.say("store_full");
    if (owner === conversation) name();
    document.dispatchEvent(new Event("sanad:history"));
  }

  // Puts the conversation into the tab's address and title, so that it can be bookmarked. With a conversation without
  // turns the page is "fresh": the question box is in the middle of the window, between the welcome and the examples.
  function name(how) {
    document.body.classList.toggle("fresh", !conversation.turns.length);
    sanad.store.address(conversation, how);
    document.title = conversation.turns.length ? `${conversation.title} · Sanad` : "Sanad";
  }

  function setBusy(now) {
    if (!now) end();
    busy = now;
    offerStop(now);
  }

  function offerStop(now) {
    if (stop.hidden !== now) return;
    const focused = form.contains(document.activeElement);
    form.querySelector("#sanad-ask").hidden = now;
    stop.hidden = !now;
    if (focused) box.focus({ preventScroll: true }); // otherwise the focus would be lost with the hidden button
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = box.value;
    if (!question.trim()) return box.focus();
    if (busy && stopped) return enqueue(question);
    if (ask(question)) write("");
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const grow = () => {
    box.dir = box.value ? "auto" : ""; // an empty box has the page's direction
    box.style.blockSize = "auto";
    box.style.blockSize = `${box.scrollHeight + 2}px`;
  };
  box.addEventListener("input", typed);
  function write(text) {
    box.value = text;
    typed();
  }

  // The text in the box survives a reload, also the one after the server was restarted.
  function typed() {
    grow();
    sanad.store.type(box.value);
  }

  function enqueue(question) {
    if (queued) return; // it stays in the box
    queued = question;
    write("");
    sanad.store.type(question); // a reload must not lose it
    const { index } = conversation;
    ended.then(() => {
      queued = "";
      typed();
      if (index === conversation.index) ask(question);
      else if (!box.value) write(question); // it was meant for another index
    });
  }

  // Shown at once: the model may be within a step, during which the server cannot hear of it.
  stop.addEventListener("click", () => {
    halt();
    offerStop(false);
    endStatus("stopped");
  });

  function halt() {
    stopped = true;
    sanad.stop().catch(() => {});
  }

  function setStatus(word) {
    const status = live.querySelector(".status.busy");
    if (status) status.querySelector("[role=status]").textContent = sanad.word(word);
    return status;
  }

  // Shows in the live turn that it has ended.
  function endStatus(word) {
    const status = setStatus(word);
    if (!status) return;
    status.className = "status ended";
    status.querySelector(".clock")?.remove();
    live.querySelector(".reading")?.remove();
  }

  // The live turn: ``{turn}``, and at its end ``{turn, kept}``.

  function hear({ turn, kept }) {
    clearTimeout(silence);
    silence = silent = 0;
    if (owner === conversation) showLive(turn); // otherwise the reader has opened another conversation
    if (kept) return settle(kept);
    listen(owner.turns.at(-1).question);
    if (stopped) halt(); // the server has not heard of it
  }

  function showLive(html) {
    const template = document.createElement("template");
    template.innerHTML = html; // from ui/html/render.py, which escapes everything
    const turn = template.content.firstElementChild;
    const old = liveTurn();
    if (stopped && turn.dataset.stage !== "stopped" && old?.id === turn.id) return;
    if (!stopped && !isFinal(turn)) setBusy(true); // also if the update arrived after the server counted as gone
    if (old?.id === turn.id) return sanad.morph(old, turn);
    if (old && isFinal(old)) past.append(old);
    live.replaceChildren(turn);
    if (stopped) endStatus("stopped");
    if (drawing) draw(); // what is on its way lacks the turn that has just moved to the past, or has it twice
    turn.scrollIntoView({ block: "start", behavior: sanad.glide() });
  }

  function settle(turn) {
    setBusy(false);
    if (stopped && turn.stage !== "stopped") return settleStopped(turn);
    keep(turn);
    if (turn.stage === "failed" && !box.value) write(turn.question); // so that it can be corrected and asked again
    if (turn.stage === "done" && box.value === turn.question) write(""); // restored there while the server was silent
    if (owner !== conversation) return;
    if (askedIn !== sanad.language()) draw();
    else if (turn.answer) document.getElementById("sanad-heard").textContent = turn.answer.text;
  }

  // The answer was complete, or failed, before the server heard that the reader had stopped it.
  async function settleStopped(turn) {
    const record = { ...turn, stage: "stopped", answer: null, fault: null };
    const mine = conversation;
    keep(record);
    if (owner !== mine) return;
    liveTurn().dataset.stage = record.stage; // at once: the next question moves a final turn to the past
    const html = await sanad.call("show", { turns: [record] }).catch(() => "");
    const there = document.getElementById(`t${record.number}`);
    if (!html || !there || conversation !== mine) return;
    const template = document.createElement("template");
    template.innerHTML = html; // from ui/html/render.py, which escapes everything
    sanad.morph(there, template.content.firstElementChild);
  }

  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (!target.id || !target.matches(".sanad.turn details")) return;
      if (target.open) unfolded.add(target.id);
      else unfolded.delete(target.id);
    },
    true,
  );

  // Conversations

  async function draw() {
    const mine = ++drawn;
    const kept = busy && owner === conversation ? running : 0; // a turn of its own, whose stored one is empty
    const turns = conversation.turns.filter(({ number }) => number !== kept);
    let html = "";
    if (turns.length) {
      drawing = true;
      try {
        html = await sanad.call("show", { turns });
      } catch {
        if (mine === drawn) drawing = false;
        return sanad.failed();
      }
    }
    if (mine !== drawn) return;
    drawing = false;
    past.innerHTML = html; // from ui/html/render.py, which escapes everything
    if (liveTurn()?.id !== `t${kept}`) live.replaceChildren();
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  }

  async function turnTo(next, how) {
    if (busy) halt();
    sanad.citations.close();
    unfolded.clear();
    conversation = next;
    name(how);
    if (!how?.stay) sanad.show("ask");
    live.replaceChildren();
    sanad.indexes.turn(next.index);
    await draw();
    document.dispatchEvent(new Event("sanad:history"));
    if (how?.stay) return;
    past.lastElementChild?.scrollIntoView({ block: "start" });
    box.focus({ preventScroll: true });
  }

  // Chooses another index. A conversation belongs to one: one with turns stays as it is, and a new one begins.
  function choose(index) {
    history.replaceState(null, "", location.pathname + location.hash); // a link would name another index
    if (conversation.turns.length) return turnTo({ ...sanad.store.fresh(), index }, { stay: true });
    sanad.citations.close();
    conversation.index = index;
    sanad.indexes.turn(index);
  }

  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address must keep the conversation's id
    box.focus();
  });

  // Back, forward, or a bookmark that is opened in this tab
  addEventListener("popstate", () => {
    const next = sanad.store.addressed();
    if (next === undefined) sanad.say("conversation_gone");
    if (next?.id !== conversation.id) turnTo(next ?? sanad.store.fresh(), { replace: true });
  });

  // Another tab has continued the same conversation.
  sanad.store.watch((id) => {
    document.dispatchEvent(new Event("sanad:history"));
    if (id !== conversation.id || busy) return;
    conversation = sanad.store.get(id) ?? sanad.store.fresh();
    name({ replace: true });
    draw();
  });

  // Asks a question again, in place if it is the last one.
  function retry(turn, record) {
    const where = record.where;
    const filter = where ? [where.outlets, where.since ?? "", where.until ?? "", where.language ?? ""] : undefined;
    const last = record.number === lastNumber();
    if (busy) return;
    if (last) {
      conversation.turns = conversation.turns.filter((one) => one !== record);
      if (past.contains(turn)) turn.remove();
    }
    if (box.value === record.question) write("");
    ask(record.question, filter, last ? record.number : undefined, record.answer_language ?? sanad.filter.answers());
  }

  offers.addEventListener("click", ({ target }) => {
    const example = target.closest(".example");
    if (example) ask(example.textContent);
  });

  // Welcome and filter: at the beginning, and whenever the language or the articles change

  async function begin() {
    const index = sanad.indexes.current();
    try {
      const start = await sanad.call("start", {});
      if (index !== sanad.indexes.current()) return; // a later call
      welcome.innerHTML = start.welcome; // from ui/html/welcome.py
      offers.innerHTML = start.offers;
      sanad.filter.replace(start.filter);
    } catch {
      sanad.failed();
    }
  }

  document.addEventListener("sanad:index", () => {
    for (const one of [welcome, offers]) one.replaceChildren();
    begin();
  });
  document.addEventListener("sanad:language", () => {
    begin();
    draw();
    document.dispatchEvent(new Event("sanad:history"));
  });
  for (const kind of ["sanad:articles", "sanad:back"])
    document.addEventListener(kind, () => {
      begin();
      draw();
    });
  document.addEventListener("visibilitychange", () => {
    // Another program may have updated the index in the meantime.
    if (!document.hidden && !document.activeElement?.closest("#sanad-filter-slot")) begin();
  });
  sanad.conversation = {
    box,
    current: () => conversation,
    recordOf: (turn) => conversation.turns.find(({ number }) => `t${number}` === turn.id),
    retry,
    turnTo,
    choose,
    named: () => name({ replace: true }),
    write,
  };
  if (sanad.store.addressed() === undefined) sanad.say("conversation_gone");
  name({ replace: true });
  write(sanad.store.typed());
  begin();
  draw().then(() => past.lastElementChild?.scrollIntoView({ block: "start" }));
})();
