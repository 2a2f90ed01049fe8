"use strict";
// Every text is set as textContent: nothing of the data is parsed as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const { run, report, aside, judgement, baseline, items } = data;
const searchOnly = report.accuracy === null;

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) made.append(child);
  return made;
}

// Not dir="auto", which goes by the first letter and turns «CNN تقول …» round: most letters decide.
function direction(text) {
  const right = (text.match(/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/g) || []).length;
  return right > (text.match(/[A-Za-z\u00c0-\u024f]/g) || []).length ? "rtl" : "ltr";
}

function text(name, value, kind = "") {
  return el(name, { class: `text ${kind}`.trim(), dir: direction(value) }, value);
}

const chip = (value, kind) => el("span", { class: `chip ${kind}` }, value);
const fixed = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const signed = (value) => (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(2);
const tone = { right: "good", better: "good", wrong: "bad", worse: "bad", failed: "bad", refused: "mild",
  changed: "mild", supported: "good", partial: "mild", unsupported: "bad", contradicted: "bad" };

function svg(shapes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 240 22");
  made.setAttribute("aria-hidden", "true");
  for (const [name, attributes] of shapes) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    made.append(shape);
  }
  return made;
}

const line = (x1, x2, y1, y2, kind) => ["line", { x1, x2, y1, y2, class: kind }];

// A score from 0 to 1 with its interval; a ring where the baseline stood, a red line where the floor is.
function plot(score, before, floor) {
  const x = (value) => 4 + 232 * value;
  const shapes = [line(x(0), x(1), 11, 11, "axis"), line(x(0.5), x(0.5), 7, 15, "axis")];
  if (floor !== undefined) shapes.push(line(x(floor), x(floor), 3, 19, "floor"));
  if (score.value !== null) {
    shapes.push(line(x(score.low), x(score.high), 11, 11, "span"));
    shapes.push(["circle", { cx: x(score.value), cy: 11, r: 4.5, class: "dot" }]);
  }
  if (before !== undefined) shapes.push(["circle", { cx: x(before), cy: 11, r: 6.5, class: "then" }]);
  return svg(shapes);
}

// A difference from −.5 to +.5 with its interval.
function change(one) {
  const x = (value) => 120 + 232 * Math.max(-0.5, Math.min(0.5, value));
  return svg([line(4, 236, 11, 11, "axis"), line(120, 120, 3, 19, "axis"),
    line(x(one.low), x(one.high), 11, 11, "span"),
    ["circle", { cx: x(one.now - one.before), cy: 11, r: 4.5, class: "dot" }]]);
}

function table(heads, rows) {
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, rows)));
}

const cell = (...children) => el("td", { class: "number" }, ...children);

function scoreRow(name, score, title = name) {
  const floor = judgement.floors.find((one) => one.name === name);
  const before = judgement.differences.find((one) => one.name === name);
  const value = score.value === null ? "–" : `${fixed(score.value)}  [${fixed(score.low)}, ${fixed(score.high)}]`;
  return el("tr", {}, el("td", {}, el("bdi", {}, title)), el("td", {}, plot(score, before && before.before, floor && floor.least)),
    cell(value), cell(String(score.n)), cell(floor ? `floor ${fixed(floor.least)}` : ""));
}

function scores() {
  const plain = ["accuracy", "accuracy_in_own_words", "unanswerable_refused", "answerable_refused", "citation_precision",
    "citation_recall", "groundedness", "language", "language_share", "conflict_covered"].filter((key) => report[key] !== null);
  const titles = { accuracy: "accuracy (of English questions, by the English words of the answer)",
    accuracy_in_own_words: "accuracy in own words, before any quotation",
    groundedness: "supported, by the product's own verifier", answerable_refused: "answerable refused (lower is better)",
    language_share: "share of letters in the question's language" };
  const rows = plain.map((key) => scoreRow(key.replaceAll("_", " "), report[key], titles[key]));
  for (const key of ["opening", "later", "whole"]) {
    const name = key === "whole" ? "whole dialogues right" : `${key} turns right`;
    if (report.dialogues && !searchOnly) rows.push(scoreRow(name, report.dialogues[`${key}_right`]));
  }
  if (!searchOnly) {
    rows.push(scoreRow("abstention precision", aside.abstention.precision, "refusals that were right"));
    const overlap = { exact_match: "exact match", token_f1: "token F1", mlqa_exact_match: "MLQA exact match", mlqa_f1: "MLQA F1" };
    for (const [key, name] of Object.entries(overlap)) rows.push(scoreRow(name, aside.overlap[key]));
  }
  for (const [stage, labels] of Object.entries(report.retrieval))
    for (const [name, score] of Object.entries(labels.all)) rows.push(scoreRow(`${stage} ${name}`, score));
  return rows;
}

function legend() {
  const parts = ["dot: value", "bar: 95 % interval"];
  if (baseline) parts.push("ring: the baseline's value");
  if (judgement.floors.length) parts.push("red line: floor");
  return parts.join(" · ");
}

const heads = ["score", "0 to 1", "value [95 %]", "n", ""];

function byTag() {
  if (!searchOnly) return Object.entries(report.accuracy_by_tag).filter(([, one]) => one.n).flatMap(([tag, one]) => {
    const own = report.accuracy_in_own_words_by_tag[tag];
    return [scoreRow(tag, one), ...(own.value === one.value ? [] : [scoreRow(`${tag}, in own words`, own)])];
  });
  return Object.entries(report.retrieval).flatMap(([stage, labels]) => Object.entries(labels)
    .filter(([tag]) => tag !== "all").map(([tag, one]) => scoreRow(`${tag}: ${stage} recall@1`, one["recall@1"])));
}

// What it is worth to make later turns stand alone before they are searched for.
function rewording() {
  const { search, gain } = report.dialogues;
  const gained = (one) => cell(one.n ? `${signed(one.value)}  [${signed(one.low)}, ${signed(one.high)}]` : "–");
  return table(["later turns, searched for", "as typed", "as reworded by the assistant", "gain [95 %]", "as reworded by hand", "gain [95 %]", "n"],
    Object.keys(gain.searched).map((name) => {
      const [stage, depth] = name.split(" ");
      const recall = (way) => cell(fixed(search[way][stage][depth].value));
      return el("tr", {}, el("td", {}, name), recall("typed"), recall("searched"), gained(gain.searched[name]),
        recall("by_hand"), gained(gain.by_hand[name]), cell(String(search.typed[stage][depth].n)));
    }));
}

function differences() {
  const names = (ids) => (ids.length ? el("button", { class: "link", onclick: () => showOnly(ids) }, String(ids.length)) : "0");
  return table(["score", "before → now", "−.5 to +.5", "p", "n, clusters", "lost", "won", "verdict", "would tell from"],
    judgement.differences.map((one) => el("tr", {},
      el("td", { class: one.gated ? "" : "soft" }, one.name + (one.gated ? "" : " (not gated)")),
      cell(`${fixed(one.before)} → ${fixed(one.now)}, ${signed(one.now - one.before)}`), el("td", {}, change(one)),
      cell(`${one.p.toPrecision(2)} ${one.test}`), cell(`${one.n}, ${one.clusters}`), cell(names(one.lost)), cell(names(one.won)),
      cell(chip(one.verdict, tone[one.verdict] || "plain")), cell(one.smallest > 1 ? "never" : fixed(one.smallest)))));
}

function spreads() {
  const rows = Object.entries(report.latency).map(([stage, one]) => {
    const then = baseline && baseline.latency[stage];
    return el("tr", {}, el("td", {}, `seconds: ${stage.replaceAll("_", " ")}`), cell(fixed(one.median)), cell(fixed(one.p95)),
      cell(String(one.n)), cell(then ? fixed(then.median) : "–"));
  });
  for (const [name, one] of Object.entries(aside.tokens))
    rows.push(el("tr", {}, el("td", {}, `tokens: ${name}`), cell(fixed(one.median, 0)), cell(fixed(one.p95, 0)), cell(String(one.n)), cell("")));
  return table(["", "median", "95th percentile", "n", "baseline's median"], rows);
}

function passage(parts, right) {
  const whole = parts.map((part) => part.text).join("");
  return el("blockquote", { class: `text ${right ? "right" : ""}`, dir: direction(whole) }, parts.map((part) => {
    const inner = part.gold ? el("span", { class: "gold" }, part.text) : part.text;
    return part.cited ? el("mark", {}, inner) : inner;
  }));
}

function answer(one, title, kind) {
  const shown = [el("h3", {}, title)];
  if (one.error) shown.push(text("p", one.error, "bad"));
  if (one.answer) {
    shown.push(text("p", one.answer.text, "answer"), el("p", {}, chip(one.answer.outcome.replace("_", " "), "plain")));
    for (const claim of one.answer.claims.filter((it) => it.verdict !== "supported"))
      shown.push(el("p", {}, chip(claim.verdict, tone[claim.verdict]), " ", text("span", claim.text), " ", text("span", claim.reason, "soft")));
    for (const cited of one.answer.citations) {
      // Each part on its own: an Arabic outlet would turn the file's name and line round.
      const place = [cited.outlet, cited.published, `${cited.source}:${cited.line}`].filter(Boolean)
        .map((part, at) => [at ? " · " : null, text("bdi", part)]);
      shown.push(el("div", {}, `[${cited.number}] `, chip(cited.right ? "right source" : "other source", cited.right ? "good" : "plain"), " ", el("span", { class: "soft" }, place)),
        cited.parts.length ? passage(cited.parts, cited.right) : text("blockquote", cited.quote));
    }
  }
  const told = Object.entries(one.scores).filter(([, value]) => value !== null);
  if (told.length) shown.push(el("p", { class: "soft" }, told.map(([name, value]) => `${name} ${fixed(value)}`).join(" · ")));
  return el("section", { class: kind }, shown);
}

function body(item) {
  const wanted = item.answerable ? item.must.map((group) => el("li", {}, group.map((way, at) => [at ? " | " : null, text("bdi", way)])))
    : [el("li", {}, "The articles do not say.")];
  const forbidden = item.must_not.map((way) => el("li", {}, "not: ", text("bdi", way)));
  const said = item.turn ? item.turn.earlier.map((earlier) => text("p", earlier)) : [];
  const reworded = item.turn && item.turn.searched && item.turn.searched !== item.question;
  return el("div", { class: "body" },
    said.length ? [el("h3", {}, "Asked before"), said] : null,
    reworded ? [el("h3", {}, "Searched for"), text("p", item.turn.searched)] : null,
    el("div", { class: "columns" }, answer(item, "Answer", "now"),
      baseline ? (item.before ? answer(item.before, "Baseline's answer", "then")
        : el("section", { class: "then" }, el("h3", {}, "Baseline's answer"), el("p", { class: "soft" }, "Not asked in these words."))) : null),
    el("h3", {}, "Right answer"), el("ul", {}, wanted, forbidden),
    item.gold.map((one) => [text("bdi", one.article, "soft"), passage(one.parts, true)]),
    item.evidence.length ? el("details", {}, el("summary", {}, `${item.evidence.length} sentences that the model was shown`),
      item.evidence.map((one) => el("div", {}, `[${one.number}] `, one.right ? chip("holds the answer", "good") : null, " ",
        text("bdi", `${one.source}:${one.line}`, "soft"), passage(one.parts.map((part) => ({ ...part, cited: false })), one.right)))) : null);
}

const chosen = { outcome: "all", change: "all", tag: "", words: "", ids: null };
const list = el("div", { id: "items" });
const count = el("span", { class: "soft", role: "status" });
const rows = items.map((item) => {
  const row = el("details", { class: "item", "data-id": item.id, "data-outcome": item.outcome },
    el("summary", {}, chip(item.outcome, tone[item.outcome] || "plain"),
      item.change && item.change !== "same" ? chip(item.change, tone[item.change]) : null,
      text("span", item.question), text("bdi", item.id, "soft"),
      item.turn ? el("span", { class: "soft" }, ` turn ${item.turn.number} of ${item.turn.of}`) : null));
  // Built when opened: a thousand items would otherwise take seconds.
  row.addEventListener("toggle", () => { if (row.open && !row.querySelector(".body")) row.append(body(item)); });
  list.append(row);
  return [item, row];
});

function show() {
  const words = chosen.words.toLowerCase();
  let shown = 0;
  for (const [item, row] of rows) {
    const texts = [item.id, item.question, item.answer ? item.answer.text : "", item.error || ""];
    const fits = (chosen.outcome === "all" || item.outcome === chosen.outcome) && (chosen.change === "all" || item.change === chosen.change)
      && (!chosen.tag || item.lang === chosen.tag || item.tags.includes(chosen.tag))
      && (!chosen.ids || chosen.ids.includes(item.id)) && (!words || texts.some((it) => it.toLowerCase().includes(words)));
    row.hidden = !fits;
    shown += fits;
  }
  count.textContent = `${shown} of ${items.length}`;
  for (const button of document.querySelectorAll("button[data-key]"))
    button.setAttribute("aria-pressed", String(chosen[button.dataset.key] === button.dataset.value));
  document.getElementById("all-items").hidden = !chosen.ids;
}

function choose(key, value) {
  chosen[key] = value;
  show();
}

function showOnly(ids) {
  chosen.ids = ids;
  show();
  document.getElementById("questions").scrollIntoView();
}

function choices(key, values) {
  return ["all", ...values].map((value) => {
    const n = value === "all" ? items.length : items.filter((item) => item[key] === value).length;
    return n ? el("button", { type: "button", "data-key": key, "data-value": value, "aria-pressed": "false", onclick: () => choose(key, value) },
      value === "all" ? (key === "outcome" ? "every outcome" : "changed or not") : `${value} ${n}`) : null;
  });
}

function tools() {
  const tags = [...new Set(items.flatMap((item) => [item.lang, ...item.tags]))].sort();
  return el("div", { class: "tools" }, choices("outcome", ["right", "wrong", "refused", "failed", "unscored"]),
    baseline ? choices("change", ["better", "worse", "changed", "same"]) : null,
    el("select", { "aria-label": "tag or language", onchange: (event) => choose("tag", event.target.value) },
      el("option", { value: "" }, "every tag"), tags.map((tag) => el("option", { value: tag }, tag))),
    el("input", { type: "search", placeholder: "words", "aria-label": "words", dir: "auto", oninput: (event) => choose("words", event.target.value) }),
    baseline ? el("button", { type: "button", id: "beside", "aria-pressed": "true", onclick: (event) => {
      const on = document.getElementById("page").classList.toggle("beside");
      event.target.setAttribute("aria-pressed", String(on));
    } }, "side by side") : null,
    el("button", { type: "button", id: "all-items", onclick: () => choose("ids", null) }, "not only these"), count);
}

function banner() {
  if (!run.complete) return el("div", { class: "banner mild" }, el("p", {}, `Interrupted: ${report.n} questions were asked.`));
  if (judgement.regressions.length)
    return el("div", { class: "banner bad", id: "gate" }, judgement.regressions.map((one) => el("p", {}, `Regression: ${one}`)));
  return el("div", { class: "banner good", id: "gate" }, el("p", {}, `No regression. ${judgement.verdict
    ? `Against the baseline: ${judgement.verdict}.` : "There was no baseline to compare with."}`));
}

const about = [run.date.slice(0, 10), run.model, run.embedder, run.commit && run.commit.slice(0, 12), run.questions].filter(Boolean);
const then = baseline && [baseline.path, (baseline.date || "").slice(0, 10), baseline.model, (baseline.commit || "").slice(0, 12)].filter(Boolean);
const page = document.getElementById("page");
page.className = baseline ? "main beside" : "main";
page.replaceChildren(...[
  el("h1", {}, "Sanad eval"),
  el("p", { class: "soft" }, `${report.n} ${report.dialogues ? `turns of dialogues (${report.dialogues.n})` : "questions"}, ${report.unscored} unscored · `, text("bdi", about.join(" · "))),
  then && el("p", { class: "soft" }, `baseline, ${judgement.paired} questions compared: `, text("bdi", then.join(" · "))),
  banner(),
  el("h2", {}, "Scores"), table(heads, scores()), el("p", { class: "soft" }, legend()),
  el("h2", {}, searchOnly ? "Search by tag" : "Accuracy by tag and language"), table(heads, byTag()),
  ...(report.dialogues ? [el("h2", {}, "What rewording is worth"), rewording()] : []),
  ...(baseline ? [el("h2", {}, "Against the baseline"), differences()] : []),
  el("h2", {}, "Latency and tokens"), spreads(),
  el("h2", { id: "questions" }, "Questions"), tools(), list,
].filter(Boolean));
show();
