// Conversations, kept in this browser: each under a key of its own, so that two tabs do not overwrite one
// another. Which one a tab shows stands in its address, so that it can be bookmarked.

sanad.store = (() => {
  const PREFIX = "sanad/conversation/";
  const TYPED = "sanad/typed";
  const ADDRESS = "#conversation=";
  const MOST = 100; // conversations kept; the oldest go first
  const TITLE = 80; // characters of the first question that name it

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
      return Array.isArray(found?.turns) ? found : null;
    } catch {
      return null;
    }
  }

  const fresh = () => ({ id: crypto.randomUUID(), title: "", changed: Date.now(), turns: [] });

  // Latest first.
  const all = () =>
    keys()
      .map((key) => get(key.slice(PREFIX.length)))
      .filter(Boolean)
      .sort((one, other) => other.changed - one.changed);

  // False where there is no room, even after the oldest ones were dropped.
  function put(conversation) {
    conversation.changed = Date.now();
    conversation.title = [...(conversation.turns[0]?.question ?? "").trim()].slice(0, TITLE).join("");
    const others = all().filter(({ id }) => id !== conversation.id);
    while (others.length >= MOST) remove(others.pop().id);
    for (;;) {
      try {
        localStorage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
        return true;
      } catch {
        if (!others.length) return false;
        remove(others.pop().id);
      }
    }
  }

  function remove(id) {
    try {
      localStorage.removeItem(PREFIX + id);
    } catch {}
  }

  // What is in the question box of this tab.
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

  // The one that the address names: null where it names none, undefined where that is not kept here.
  function addressed() {
    const { hash } = location;
    if (!hash.startsWith(ADDRESS)) return null;
    return get(hash.slice(ADDRESS.length)) ?? undefined;
  }

  // One without turns has no address: there is nothing to come back to.
  function address({ id, turns }, { replace = false } = {}) {
    const hash = turns.length ? ADDRESS + id : "";
    if (hash !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", location.pathname + location.search + hash);
  }

  // Calls when another tab has changed a conversation, with its id.
  const watch = (changed) =>
    addEventListener("storage", ({ key }) => key?.startsWith(PREFIX) && changed(key.slice(PREFIX.length)));

  return { all, fresh, get, put, remove, address, addressed, type, typed, watch };
})();
