// Runs once, when the live turn's component is mounted (Gradio hands in element, server and watch).
// It opens sources beside the answer, and keeps what the reader opened while the page is rewritten.

// Made here and not in Python: components are mounted in no certain order.
const panel = document.createElement("aside");
panel.id = "sanad-panel";
panel.className = "sanad";
panel.hidden = true;
panel.setAttribute("aria-label", "The article");
panel.innerHTML =
  '<button type="button" class="panel-close" aria-label="Close the article">×</button>' +
  '<div class="panel-body" tabindex="0"></div>';
element.closest(".gradio-container").append(panel);

const body = panel.querySelector(".panel-body");
const closer = panel.querySelector(".panel-close");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const glide = () => (calm.matches ? "auto" : "smooth");
const unfolded = new Set();
let opener = null; // what had the focus before the panel opened
let asked = 0; // counts openings, so that a slow answer cannot overwrite a later one
let shownTurn = null;
let rewriting = false;

async function openSource(entry, from) {
  const mine = ++asked;
  const { article, start, end } = entry.dataset;
  const quote = entry.querySelector(".quote").textContent;
  markCurrent(entry);
  opener = from;
  let page;
  try {
    page = await server.read_article([article, Number(start), Number(end), quote]);
  } catch (error) {
    page = '<p class="failure" role="alert">The article could not be fetched: is Sanad still running?</p>';
  }
  if (mine !== asked) return;
  body.innerHTML = page; // made by ui/render.py, everything in it escaped
  panel.hidden = false;
  document.body.classList.add("reading");
  body.scrollTop = 0;
  body.querySelector("mark")?.scrollIntoView({ block: "center" });
  closer.focus({ preventScroll: true });
}

function closePanel() {
  if (panel.hidden) return;
  asked += 1;
  panel.hidden = true;
  document.body.classList.remove("reading");
  markCurrent(null);
  if (opener?.isConnected) opener.focus({ preventScroll: true });
}

function markCurrent(entry) {
  document.querySelectorAll(".source[aria-current]").forEach((old) => old.removeAttribute("aria-current"));
  entry?.setAttribute("aria-current", "true");
}

document.addEventListener("click", (event) => {
  const chip = event.target.closest?.(".sanad .chip");
  const button = event.target.closest?.(".sanad .opener");
  const entry = chip ? document.getElementById(chip.hash.slice(1)) : button?.closest(".source");
  if (!entry) return;
  event.preventDefault();
  if (chip) entry.scrollIntoView({ block: "nearest", behavior: glide() });
  openSource(entry, chip ?? button);
});
closer.addEventListener("click", closePanel);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closePanel();
});

// Gradio rewrites attributes on every update, and with them what the reader unfolded.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.id || !target.matches(".sanad details")) return;
    if (target.open) unfolded.add(target.id);
    else if (!rewriting) unfolded.delete(target.id);
  },
  true,
);

watch("value", () => {
  rewriting = true;
  requestAnimationFrame(() => {
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    setTimeout(() => (rewriting = false)); // after the toggle events of this rewriting
  });
  const turn = element.querySelector(".turn");
  if (!turn) {
    closePanel();
    unfolded.clear();
  } else if (turn.id !== shownTurn) {
    turn.scrollIntoView({ block: "start", behavior: glide() });
  }
  shownTurn = turn?.id ?? null;
});
