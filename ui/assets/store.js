// Conversations, kept in this browser: each under a key of its own, so that two tabs do not overwrite one
// another. Which one a tab shows is remembered for the tab.

sanad.store = (() => {
  const PREFIX = "sanad/conversation/";
  const OPEN = "sanad/open";
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

  function open(id) {
    try {
      sessionStorage.setItem(OPEN, id);
    } catch {}
  }

  function opened() {
    try {
      return get(sessionStorage.getItem(OPEN));
    } catch {
      return null;
    }
  }

  return { all, fresh, get, put, remove, open, opened };
})();
