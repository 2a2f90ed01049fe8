// What a reader can do with an answer: copy it, save it, ask again, rate it. And the keyboard.

(() => {
  const { box, recordOf, retry, turnTo, write } = sanad.conversation;

  async function copy(record, format) {
    let text;
    try {
      text = await sanad.call("copy", { turn: record, form: format });
    } catch {
      return sanad.failed();
    }
    if (!text) return sanad.say("copy_none");
    try {
      await navigator.clipboard.writeText(text);
      sanad.say("copied");
    } catch {
      sanad.say("copy_failed");
    }
  }

  // Saves turns as a file: markdown, html or csl.
  async function save(turns, format) {
    let file;
    try {
      file = await sanad.call("save", { turns, form: format });
    } catch {
      return sanad.failed();
    }
    if (!file.text) return sanad.say("save_none");
    const link = document.createElement("a");
    link.download = file.name;
    link.href = URL.createObjectURL(new Blob([file.text], { type: file.type }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
    sanad.say("saved", { name: file.name });
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
        return sanad.failed();
      }
      if (failure) return rating.insertAdjacentHTML("beforeend", failure); // from ui/wording/faults.py
      rating.remove();
      sanad.say("thanks");
      turn.querySelector(`[data-act="${vote}"]`)?.focus();
    });
    turn.querySelector(".actions").after(rating);
    comment.focus({ preventScroll: true });
    rating.scrollIntoView({ block: "nearest", behavior: sanad.glide() });
  }

  // Puts a question into the box, to be changed and asked. What the reader has typed there stays.
  let offered = ""; // what was put there last
  function edit(question) {
    if (!box.value.trim() || box.value === offered) write((offered = question));
    else if (box.value !== question) sanad.say("edit_full");
    box.focus({ preventScroll: true });
    box.setSelectionRange(box.value.length, box.value.length);
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-act]");
    const turn = button?.closest(".turn");
    const record = turn && recordOf(turn);
    if (!record) return;
    const act = button.dataset.act;
    if (act === "copy" || act === "copy_markdown") copy(record, act === "copy" ? "text" : "markdown");
    else if (act.startsWith("save_")) save([record], act.slice("save_".length));
    else if (act === "retry") retry(turn, record);
    else if (act === "edit") edit(button.parentElement.querySelector("bdi").textContent);
    else rate(turn, record, act);
  });

  // "/" and Ctrl+K lead to the question box from anywhere; Escape stops the answer.
  const writing = (one) => one?.matches("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !writing(event.target);
    const k = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey;
    if (slash || k) {
      event.preventDefault();
      sanad.citations.close();
      sanad.show("ask");
      box.focus();
    } else if (event.key === "Escape" && event.target.closest?.("#sanad-composer, body:not(:focus-within)")) {
      const stop = document.getElementById("sanad-stop");
      if (!stop.hidden) stop.click();
    }
  });
  document.getElementById("sanad-new").addEventListener("click", () => turnTo(sanad.store.fresh()));
  window.addEventListener("beforeprint", () => {
    document.getElementById("sanad-printed").textContent = sanad.word("printed", { date: sanad.day(Date.now(), "long") });
  });

  sanad.actions = { save };
})();
