// The page of a PDF as it looks, in the panel with an article that was read from it; the cited sentence is marked.
// pdf.js is loaded when the first such article is opened. If anything fails, the text stays.

sanad.original = (() => {
  const LIBRARY = "/sanad/pdfjs/6.5.438/"; // as in ui/originals.py
  const MOST_PIXELS = 16e6; // of a drawn page; a browser of a phone draws nothing on a larger canvas
  const MOST_PAGES = 50; // that are searched for a sentence whose page is not known
  const SHORTEST = 16; // letters of a piece of a sentence that is marked alone
  const SETTLED = 250; // milliseconds after the window has changed its size

  let view = "page"; // the reader's choice, for this visit
  let library = null; // pdf.js
  let open = null; // what is open: the PDF, and its elements

  async function load() {
    library ??= import(`${LIBRARY}pdf.min.mjs`).then((pdfjs) => {
      pdfjs.GlobalWorkerOptions.workerSrc = `${LIBRARY}pdf.worker.min.mjs`;
      return pdfjs;
    });
    library.catch(() => (library = null)); // so that the next article tries again
    return library;
  }

  // Called for every article. `first` is the page of the citation, if that is known.
  async function show(body, first, { span, index }) {
    leave();
    const header = body.querySelector("header[data-pdf]");
    if (!header) return;
    const mine = (open = { body, header, quote: quoteOf(body, span), first: Number(first) || 0, drawn: 0 });
    try {
      const reply = await fetch(`/sanad/file?${new URLSearchParams({ article: header.dataset.pdf, ...(index && { index }) })}`);
      if (mine !== open) return;
      if (!reply.ok) return reply.status === 409 ? note("page_changed") : undefined;
      const data = await reply.arrayBuffer();
      const pdfjs = await load();
      if (mine !== open) return;
      mine.pdfjs = pdfjs;
      // What is written in a PDF may neither run nor lead anywhere: no scripting, no forms, no annotations.
      mine.task = pdfjs.getDocument({
        data, enableXfa: false, isEvalSupported: false, useWasm: false, wasmUrl: LIBRARY, disableWorkerRendering: true,
        useWorkerFetch: false,
      });
      mine.pdf = await mine.task.promise;
      mine.first ||= await pageOf(mine);
      mine.number = mine.first;
      if (mine !== open) return;
      build(mine);
      await choose(view);
    } catch (error) {
      failed(mine, error);
    }
  }

  function leave() {
    open?.task?.destroy();
    open = null;
  }

  function failed(mine, error) {
    if (mine !== open) return; // it has been closed, which ends what was going on
    console.warn("The PDF could not be drawn", error);
    mine.controls?.remove();
    mine.place?.remove();
    mine.body.querySelector(".text").hidden = false;
    note("page_undrawn");
    leave();
  }

  function note(key) {
    const line = element("p", "note", sanad.word(key));
    line.setAttribute("role", "status");
    open.header.append(line);
  }

  // The marked sentence of the text. It is also there where the reader follows a link.
  function quoteOf(body, span) {
    const marked = [...body.querySelectorAll("mark")].map(({ textContent }) => textContent).join(" ");
    return letters(marked || String(span?.[2] ?? ""));
  }

  // The switch and the buttons that turn pages, in the header, which stays in sight; the place of the page below it.
  function build(mine) {
    mine.controls = element("div", "controls");
    mine.views = element("div", "views");
    mine.views.setAttribute("role", "group");
    mine.views.setAttribute("aria-label", sanad.word("view"));
    for (const name of ["page", "text"]) {
      const button = element("button", "", sanad.word(`view_${name}`));
      Object.assign(button, { type: "button", name });
      button.addEventListener("click", () => choose((view = name)).catch((error) => failed(mine, error)));
      mine.views.append(button);
    }
    mine.place = element("div", "original");
    mine.place.hidden = true;
    mine.turn = element("div", "turn");
    mine.at = element("p", "at");
    mine.at.setAttribute("role", "status");
    for (const [name, by] of [["previous", -1], ["next", 1]]) {
      const button = element("button", name, sanad.word(`page_to_${name}`));
      button.type = "button";
      button.setAttribute("aria-label", sanad.word(`page_${name}`));
      button.addEventListener("click", () => turn(mine, by).catch((error) => failed(mine, error)));
      mine[name] = button;
      mine.turn.append(button);
    }
    mine.previous.after(mine.at);
    mine.controls.append(mine.views, mine.turn);
    mine.header.append(mine.controls);
    mine.lost = element("p", "note lost", sanad.word("page_unmarked"));
    mine.lost.hidden = true;
    mine.sheet = element("div", "sheet");
    mine.place.append(mine.lost, mine.sheet);
    mine.body.querySelector(".text").before(mine.place);
  }

  async function choose(name) {
    const mine = open;
    const page = name === "page";
    for (const button of mine.views.children)
      button.setAttribute("aria-pressed", String(button.name === name));
    if (page && !mine.drawn) await draw(mine);
    if (mine !== open || page !== (view === "page")) return;
    mine.place.hidden = !page;
    mine.turn.hidden = !page || mine.pdf.numPages < 2;
    mine.body.querySelector(".text").hidden = page;
    mine.body.scrollTop = 0;
    mine.body.querySelector(page ? ".hit" : "mark")?.scrollIntoView({ block: "center" });
  }

  async function turn(mine, by) {
    mine.number = Math.min(Math.max(mine.number + by, 1), mine.pdf.numPages);
    await draw(mine);
    if (mine !== open) return;
    mine.body.scrollTop = 0;
    mine.sheet.querySelector(".hit")?.scrollIntoView({ block: "center" });
    const [used, other] = by > 0 ? [mine.next, mine.previous] : [mine.previous, mine.next];
    if (used.disabled) other.focus(); // else the keyboard would be nowhere
  }

  async function draw(mine) {
    const number = mine.number;
    const page = await mine.pdf.getPage(number);
    const whole = page.getViewport({ scale: 1 });
    const width = mine.header.clientWidth * (window.devicePixelRatio || 1);
    const scale = Math.min(width / whole.width, Math.sqrt(MOST_PIXELS / (whole.width * whole.height)));
    const viewport = page.getViewport({ scale });
    const canvas = element("canvas", "paper");
    canvas.width = Math.floor(viewport.width);
    canvas.height = Math.floor(viewport.height);
    canvas.setAttribute("role", "img");
    const file = mine.header.querySelector(".where").textContent;
    canvas.setAttribute("aria-label", sanad.word("page_picture", { n: number, file }));
    const drawing = page.render({ canvas, viewport, annotationMode: mine.pdfjs.AnnotationMode.DISABLE });
    const [found] = await Promise.all([hits(mine, page, number), drawing.promise]);
    if (mine !== open || number !== mine.number) return; // the reader has turned the page in the meantime
    mine.sheet.replaceChildren(canvas, ...joined(found.map((part) => framed(part, viewport))).map((one) => hit(one, viewport)));
    mine.drawn = number;
    mine.at.textContent = sanad.word("page_at", { n: number, all: mine.pdf.numPages });
    mine.previous.disabled = number === 1;
    mine.next.disabled = number === mine.pdf.numPages;
    mine.lost.hidden = !mine.quote || found.length > 0 || number !== mine.first;
  }

  // The box around these corners, in pixels of the canvas.
  function framed(corners, viewport) {
    const points = corners.map((point) => viewport.convertToViewportPoint(...point));
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  }

  // The same boxes, those of neighbouring words as one.
  function joined(boxes) {
    const result = [];
    for (const box of boxes.sort((one, other) => one.left - other.left)) {
      const height = box.bottom - box.top;
      const before = result.find(
        (one) => Math.abs(one.top - box.top) < height / 4 && Math.abs(one.bottom - box.bottom) < height / 4 &&
          box.left - one.right < height,
      );
      if (!before) result.push(box);
      else
        Object.assign(before, {
          top: Math.min(before.top, box.top),
          right: Math.max(before.right, box.right),
          bottom: Math.max(before.bottom, box.bottom),
        });
    }
    return result;
  }

  // A translucent box; its place is in shares of the page, so that it fits whatever the page's size is.
  function hit({ left, top, right, bottom }, viewport) {
    const box = element("div", "hit");
    Object.assign(box.style, {
      left: `${(100 * left) / viewport.width}%`,
      top: `${(100 * top) / viewport.height}%`,
      width: `${(100 * (right - left)) / viewport.width}%`,
      height: `${(100 * (bottom - top)) / viewport.height}%`,
    });
    return box;
  }

  // The first page with the sentence; the first of all if there is none.
  async function pageOf(mine) {
    if (mine.quote)
      for (let number = 1; number <= Math.min(mine.pdf.numPages, MOST_PAGES); number++) {
        const page = await mine.pdf.getPage(number);
        if (mine !== open) break;
        if ((await hits({ ...mine, first: number }, page, number)).length) return number;
      }
    return 1;
  }

  // The corners of the boxes over the sentence, in the PDF's own units.
  async function hits(mine, page, number) {
    if (!mine.quote) return [];
    const items = (await page.getTextContent()).items.filter(({ str }) => str?.trim());
    const pages = [...orders(items)].map(spelled);
    for (const find of [whole, pieces, [begun, ended][number - mine.first]].filter(Boolean))
      for (const page of pages) {
        const spans = find(page.text, mine.quote);
        if (spans.length) return spans.flatMap((span) => boxes(page, ...span));
      }
    return [];
  }

  // PDFs store the pieces of a line in any order, and those of Arabic lines often as they are seen, from the left.
  function* orders(items) {
    const plain = (item) => ({ item, chars: [...item.str], back: item.dir === "rtl" });
    const reversed = (item) => ({ item, chars: [...item.str].reverse(), back: item.dir !== "rtl" });
    yield items.map(plain);
    const lines = rows(items);
    const fromRight = lines.flatMap((line) => [...line].reverse());
    yield fromRight.map(plain);
    yield lines.flat().map(plain);
    yield fromRight.map(reversed);
    yield items.map(reversed);
  }

  // The items by lines from the top, those of a line from the left.
  function rows(items) {
    const lines = [];
    for (const item of [...items].sort((one, other) => other.transform[5] - one.transform[5])) {
      const line = lines.at(-1);
      const apart = line ? line[0].transform[5] - item.transform[5] : Infinity;
      if (apart < item.height / 2) line.push(item);
      else lines.push([item]);
    }
    for (const line of lines) line.sort((one, other) => one.transform[4] - other.transform[4]);
    return lines;
  }

  // The letters of items in this order, and for each letter its item and its character there.
  function spelled(ordered) {
    let text = "";
    const origins = [];
    ordered.forEach(({ chars }, at) =>
      chars.forEach((char, place) => {
        const kept = letters(char);
        text += kept;
        for (let n = 0; n < kept.length; n++) origins.push([at, place]);
      }),
    );
    return { ordered, text, origins };
  }

  // Where the sentence is in the letters of a page: for each piece its start and length; empty if it is not there. It is
  // there in one piece, or in several as in columns whose lines are drawn in turn, or only its beginning or end is, as it
  // goes on to the next page.
  const whole = (text, quote) => (text.includes(quote) ? [[text.indexOf(quote), quote.length]] : []);

  function pieces(text, quote) {
    const spans = [];
    for (let at = 0; !at || quote.length - at >= SHORTEST; at += spans.at(-1)[1]) {
      const rest = quote.slice(at);
      const length = longest(rest.length, (size) => text.includes(rest.slice(0, size)));
      if (!length) return [];
      spans.push([text.indexOf(rest.slice(0, length)), length]);
    }
    return spans;
  }

  function begun(text, quote) {
    const length = longest(quote.length, (size) => text.includes(quote.slice(0, size)));
    return length ? [[text.lastIndexOf(quote.slice(0, length)), length]] : [];
  }

  function ended(text, quote) {
    const length = longest(quote.length, (size) => text.includes(quote.slice(quote.length - size)));
    return length ? [[text.indexOf(quote.slice(quote.length - length)), length]] : [];
  }

  function boxes({ ordered, origins }, start, length) {
    const touched = new Map(); // for each item the first and last character that belongs to the sentence
    for (const [at, place] of origins.slice(start, start + length)) {
      const [least, most] = touched.get(at) ?? [place, place];
      touched.set(at, [Math.min(least, place), Math.max(most, place)]);
    }
    return [...touched].map(([at, [least, most]]) => corners(ordered[at], least, most + 1));
  }

  // The largest size that fits, if it is a good part of the sentence; 0 if it is not.
  function longest(most, fits) {
    let [low, high] = [0, most];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (fits(middle)) low = middle;
      else high = middle - 1;
    }
    return low >= Math.min(SHORTEST, most) ? low : 0;
  }

  // The corners of a part of an item. The widths of its characters are those of an ordinary font, as shares of its own.
  function corners({ item, chars, back }, from, to) {
    const [a, b, c, d, x, y] = item.transform;
    const [along, up] = [Math.hypot(a, b) || 1, Math.hypot(c, d) || 1];
    const wide = (count) => pen.measureText(chars.slice(0, count).join("")).width;
    const shares = [from, to].map((count) => wide(count) / (wide(chars.length) || 1)).map((share) => (back ? 1 - share : share));
    return [Math.min(...shares), Math.max(...shares)].flatMap((share) =>
      [-0.25, 0.9].map((part) => {
        const [right, high] = [share * item.width, part * (item.height || up)];
        return [x + (a / along) * right + (c / up) * high, y + (b / along) * right + (d / up) * high];
      }),
    );
  }

  const pen = document.createElement("canvas").getContext("2d");
  pen.font = "16px serif";

  // The letters and digits of a text: Arabic shapes as their letters, without marks, strokes and case.
  const letters = (text) => text.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]|ـ/gu, "");

  const element = (kind, names, text = "") =>
    Object.assign(document.createElement(kind), { className: names, textContent: text });

  let settling = 0;
  addEventListener("resize", () => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      const mine = open;
      if (mine?.drawn && view === "page") draw(mine).catch((error) => failed(mine, error));
    }, SETTLED);
  });

  return { show, leave };
})();
