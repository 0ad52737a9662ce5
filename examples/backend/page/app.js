const form = document.querySelector("#create");
const list = document.querySelector("#runs");
const template = document.querySelector("#run");
const message = document.querySelector("#message");
const cards = new Map(); // by the key of the run

// call calls the API of this service. Its errors have a message for the user.
async function call(method, path, body) {
  const init = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response, result;
  try {
    response = await fetch(path, init);
    result = await response.json();
  } catch {
    throw new Error("The service is not available.");
  }
  if (!response.ok) throw new Error(result.error);
  return result;
}

function show(text, isError = false) {
  message.textContent = text;
  message.classList.toggle("error", isError);
}

// newCard adds nothing as HTML: a prompt is text.
function newCard(run) {
  const card = template.content.firstElementChild.cloneNode(true);
  card.dataset.key = run.key;
  card.querySelector("h2").textContent = run.prompt;
  card.querySelector(".feedback").setAttribute("aria-label", `Feedback on ${run.prompt}`);
  for (const button of card.querySelectorAll("button")) {
    button.addEventListener("click", () => rate(run.key, button));
  }
  return card;
}

function update(card, run) {
  card.className = run.error ? "failed" : run.ended ? "ended" : "running";
  card.querySelector(".status").textContent = run.error ? `Failed: ${run.error}` : run.status;
  card.querySelector(".feedback").hidden = !run.ended || run.error !== undefined;
  for (const button of card.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.rating === run.rating));
  }
  const picture = card.querySelector(".picture");
  picture.hidden = run.ended && !run.error && run.files.length === 0;
  if (run.files.length > 0 && !picture.hasChildNodes()) {
    const image = document.createElement("img");
    image.alt = `Picture of ${run.prompt}`;
    image.src = run.files[0];
    picture.append(image);
  }
}

function render(runs) {
  for (const run of runs) {
    if (!cards.has(run.key)) cards.set(run.key, newCard(run));
    update(cards.get(run.key), run);
  }
  // Cards stay in place, so that the focus and the pictures do.
  runs.map((run) => cards.get(run.key)).forEach((card, i) => {
    if (list.children[i] !== card) list.insertBefore(card, list.children[i] ?? null);
  });
  document.querySelector("#empty").hidden = runs.length > 0;
}

// rate sets feedback on a run, or clears it if the button is pressed.
async function rate(key, button) {
  const path = `/api/runs/${key}/feedback`;
  const isPressed = button.getAttribute("aria-pressed") === "true";
  button.disabled = true;
  try {
    const run = isPressed ? await call("DELETE", path) : await call("PUT", path, { rating: button.dataset.rating });
    changes++;
    update(cards.get(key), run);
    show(isPressed ? "Feedback cleared." : "Thank you for your feedback.");
  } catch (error) {
    show(error.message, true);
  } finally {
    button.disabled = false;
    button.focus();
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  show("");
  try {
    await call("POST", "/api/runs", { prompt: form.prompt.value });
    changes++;
    form.reset();
  } catch (error) {
    show(error.message, true);
  } finally {
    button.disabled = false;
  }
  await refresh();
});

// refresh shows the current runs, and again after a time that is shorter while a run
// has not ended. A response that is older than a change must not overwrite it.
let changes = 0;
let timer;
async function refresh() {
  clearTimeout(timer);
  const before = changes;
  let delay = 5000;
  try {
    const { runs } = await call("GET", "/api/runs");
    if (before === changes) render(runs);
    if (before !== changes || runs.some((run) => !run.ended)) delay = 500;
  } catch (error) {
    show(error.message, true);
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, delay);
}

refresh();
