// Conversations in the browser's storage: each has a key of its own, so that two tabs do not overwrite each other. A
// tab's address contains the id of its conversation, so that it can be bookmarked.

sanad.store = (() => {
  const PREFIX = "sanad/conversation/";
  const TYPED = "sanad/typed";
  const ADDRESS = "#conversation=";
  const MOST = 100; // conversations to keep; the oldest are dropped first
  const TITLE = 80; // characters of the first question that form the title

  const keys = () => {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    } catch {
      return [];
    }
  };

  function get(id) {
    try {
      const found = JSON.parse(localStorage.getItem(PREFIX + id));
      return Array.isArray(found?.turns) ? { ...sanad.indexes.old(), ...found } : null;
    } catch {
      return null;
    }
  }

  const fresh = () => ({ id: crypto.randomUUID(), title: "", changed: Date.now(), turns: [], ...sanad.indexes.fresh() });

  // Latest first.
  const all = () =>
    keys()
      .map((key) => get(key.slice(PREFIX.length)))
      .filter(Boolean)
      .sort((one, other) => other.changed - one.changed);

  // Drops the oldest conversations to make space. Returns false if that is not enough; then all of them stay.
  function put(conversation) {
    conversation.changed = Date.now();
    const first = [...(conversation.turns[0]?.question ?? "").trim()].slice(0, TITLE).join("");
    conversation.title = conversation.name || first; // the reader's name for it
    const text = JSON.stringify(conversation);
    const others = all().filter(({ id }) => id !== conversation.id);
    const dropped = [];
    const drop = () => {
      const { id } = others.pop();
      dropped.push([id, localStorage.getItem(PREFIX + id)]);
      remove(id);
    };
    while (others.length >= MOST) drop();
    while (!write(conversation.id, text)) {
      if (!others.length) {
        for (const one of dropped.reverse()) write(...one); // the latest first: space may be less now
        return false;
      }
      drop();
    }
    return true;
  }

  function write(id, text) {
    try {
      localStorage.setItem(PREFIX + id, text);
      return true;
    } catch {
      return false;
    }
  }

  function rename(id, name) {
    const conversation = get(id);
    if (conversation) write(id, JSON.stringify({ ...conversation, name, title: name }));
  }

  function remove(id) {
    try {
      localStorage.removeItem(PREFIX + id);
    } catch {}
  }

  // The text in this tab's question box.
  function type(text) {
    try {
      sessionStorage.setItem(TYPED, text);
    } catch {}
  }

  function typed() {
    try {
      return sessionStorage.getItem(TYPED) ?? "";
    } catch {
      return "";
    }
  }

  // The conversation in the address: null if there is none, undefined if it is not stored here.
  function addressed() {
    const { hash } = location;
    if (!hash.startsWith(ADDRESS)) return null;
    return get(hash.slice(ADDRESS.length)) ?? undefined;
  }

  // A conversation without turns has no address: there is nothing to return to.
  function address({ id, turns }, { replace = false } = {}) {
    const hash = turns.length ? ADDRESS + id : "";
    if (hash !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", location.pathname + location.search + hash);
  }

  // Calls `changed` with the id of a conversation that another tab has changed.
  const watch = (changed) =>
    addEventListener("storage", ({ key }) => key?.startsWith(PREFIX) && changed(key.slice(PREFIX.length)));

  return { all, fresh, get, put, remove, rename, address, addressed, type, typed, watch };
})();
