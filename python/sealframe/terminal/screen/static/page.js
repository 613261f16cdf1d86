// Draws what the terminal says, and tells it what the person does.

import { Camera } from "./camera.js";
import { Pad } from "./pad.js";
import { events, get, post } from "./wire.js";

const SILENCE_MS = 25000;
const AGAIN_MS = 1000;
const REST_MS = 400;
const LANGUAGE = "sealframe.language";
const TEMPLATES = {
  idle: "idle", ready: "capture", captured: "capture", retrying: "capture", verifying: "capture", failed: "failed",
  password: "password", paid: "ended", cancelled: "ended",
}; // every other state is a notice
const SIGNS = { paid: "check", cancelled: "bar", out_of_service: "alert", lost: "alert" };
const WORKING = ["not_ready", "unknown", "verifying"];

const main = document.querySelector("main");
const languageButton = document.querySelector("#language");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
let setup = null;
let view = null;
let drawn = ""; // the template on the screen
let camera = null;
let shownAt = new Date(); // stands on the receipt
let drawnAt = 0;
let language = "";

// Every request about this screen; the buttons rest until another screen comes, so one touch is one command.
// Gives the terminal's complaint in every language, or null when it has none.
async function tell(path, said) {
  for (const button of main.querySelectorAll("[data-choice], button.main")) button.disabled = true;
  const reply = await post(path, { screen: view.screen, ...said }).catch(() => null);
  if (reply?.ok) return null;
  draw(view);
  return reply?.status === 422 ? reply.json().catch(() => null) : null;
}

// A second tap, or an Enter that was meant for the screen before, is none for this one.
function isMeant(event) {
  return event.detail === 1 || (event.detail === 0 && performance.now() - drawnAt > REST_MS);
}

function choose(choice) {
  if (choice !== "cancel") return tell("/choose", { choice });
  main.querySelectorAll(`[data-choice="cancel"]`).forEach((each) => (each.textContent = label("stopping")));
  return tell("/cancel", { payment_id: view.payment_id });
}

function label(name, values = {}) {
  return setup.labels[language][name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

// Drawing

function draw(next) {
  const isOther = view === null || view.screen !== next.screen || view.state !== next.state;
  view = next;
  const template = templateOf(view);
  if (template !== drawn || (isOther && template !== "capture")) show(template, isOther);
  drawn = template;
  document.documentElement.lang = setup.locales[language];
  document.body.dataset.state = view.state;
  runCamera(template);
  fill();
  if (isOther) announce();
}

function templateOf({ state }) {
  const template = TEMPLATES[state] ?? "notice";
  // After a password, and while cancelling, no camera is on.
  return state === "verifying" && camera === null ? "notice" : template;
}

function show(template, isOther) {
  camera?.stop();
  camera = null;
  main.replaceChildren(document.getElementById(template).content.cloneNode(true));
  for (const place of main.querySelectorAll(".bill")) {
    if (view.payment_id) place.append(document.getElementById("bill").content.cloneNode(true));
    else place.remove();
  }
  const form = main.querySelector("form");
  if (form !== null) prepareForm(form);
  for (const button of main.querySelectorAll("[data-choice]")) {
    button.addEventListener("click", (event) => isMeant(event) && choose(button.dataset.choice));
  }
  const oval = main.querySelector(".oval");
  if (oval !== null) drawOval(oval);
  if (isOther) [shownAt, drawnAt] = [new Date(), performance.now()];
}

function prepareForm(form) {
  new Pad(form.querySelector(".pad"), form, setup.labels[language], setup.has_point);
  form.querySelector("[name=amount]")?.setAttribute("placeholder", setup.zero);
  form.querySelector("input").focus({ preventScroll: true });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const next = [...form.querySelectorAll("input")].find((input) => input.value === "");
    if (next !== undefined) return next.focus();
    if ("password" in fields) {
      form.querySelector("input").value = "";
      return tell("/password", fields);
    }
    complain(await tell("/start", fields));
  });
}

function complain(texts) {
  const complaint = main.querySelector(".complaint");
  if (complaint === null) return;
  complaint.hidden = texts === null;
  complaint.textContent = texts?.[language] ?? "";
}

function drawOval(oval) {
  const [rx, ry] = setup.oval.map((share) => share * 50);
  const ring = `M${50 - rx} 50a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0`;
  oval.querySelector(".shade").setAttribute("d", `M0 0h100v100H0z${ring}`);
  for (const ellipse of oval.querySelectorAll("ellipse")) {
    ellipse.setAttribute("rx", rx);
    ellipse.setAttribute("ry", ry);
  }
}

// Put the words and values of `view` where the template asks for them.
function fill() {
  const texts = view.texts[language];
  const put = (name, text) => {
    for (const place of document.querySelectorAll(`[data-${name}]`)) place.textContent = text ?? "";
  };
  for (const place of document.querySelectorAll("[data-label]")) place.textContent = label(place.dataset.label);
  for (const place of main.querySelectorAll("[data-text]")) place.textContent = texts[place.dataset.text];
  for (const place of main.querySelectorAll("[data-aria-label]")) place.ariaLabel = label(place.dataset.ariaLabel);
  offerLanguage(nextLanguage());
  put("shop", setup.payee);
  put("payee", view.payee);
  put("account", view.account);
  put("amount", view.amount);
  put("currency", view.currency ?? setup.currency);
  put("reference", view.reference);
  put("time", shownAt.toLocaleString(setup.locales[language], { dateStyle: "medium", timeStyle: "short" }));
  put("left", view.left === null ? "" : label("left", view));
  document.querySelector(".test").hidden = !setup.is_test;
  for (const button of main.querySelectorAll("[data-choice]")) {
    button.hidden = !view.choices.includes(button.dataset.choice);
    button.disabled = false;
  }
  for (const button of main.querySelectorAll("button.main")) button.disabled = false;
  for (const receipt of main.querySelectorAll(".receipt")) receipt.hidden = view.state !== "paid";
  for (const use of main.querySelectorAll(".sign use:not([href])")) use.setAttribute("href", `#${SIGNS[view.state] ?? "clock"}`);
  for (const ring of main.querySelectorAll(".ring")) ring.hidden = !WORKING.includes(view.state);
  fillTries();
}

function fillTries() {
  const tries = main.querySelector(".tries");
  if (tries === null) return;
  const now = view.tries + (view.state === "retrying" || view.state === "ready");
  tries.hidden = now < 2;
  tries.querySelector("[data-tries]").textContent = label("try", { tries: now, most: view.most });
  tries.querySelector(".dots").textContent = "●".repeat(now) + "○".repeat(Math.max(0, view.most - now));
}

function runCamera(template) {
  if (template !== "capture") return;
  const still = view.state === "captured" || view.state === "verifying";
  camera ??= new Camera(main.querySelector(".camera"), view.screen, setup.camera);
  camera.freeze(still);
}

// Screen readers hear the title and the reason; the keyboard stands on the first choice.
function announce() {
  const { title, why } = view.texts[language];
  document.querySelector(".spoken").textContent = [title, why].filter(Boolean).join(". ");
  document.title = title;
  if (main.querySelector("form") !== null) return;
  const first = main.querySelector("button.main:not([hidden]), .choices button:not([hidden])");
  (first ?? main.querySelector("h1")).focus({ preventScroll: true }); // never on Cancel beside the camera
}

// The page's own troubles: the terminal's process is gone, or this page has no token.
function drawTrouble(name) {
  const texts = Object.fromEntries(
    Object.entries(setup.labels).map(([each, labels]) => [each, { title: labels[name], why: labels[`${name}_why`] }]));
  draw({ ...view, state: name, screen: -1, choices: [], payment_id: null, texts });
}

// Running

// The button walks through every language there is, and names the next one in that language.
function nextLanguage() {
  const all = Object.keys(setup.locales);
  return all[(all.indexOf(language) + 1) % all.length];
}

function offerLanguage(next) {
  languageButton.hidden = next === language;
  languageButton.textContent = setup.labels[next].language;
  languageButton.lang = setup.locales[next];
}

function speak(next) {
  language = next;
  sessionStorage.setItem(LANGUAGE, next);
  if (view === null) return;
  const form = main.querySelector("form");
  const typed = form === null ? {} : Object.fromEntries(new FormData(form));
  if (form !== null) show(drawn, false);
  for (const [name, value] of Object.entries(typed)) main.querySelector(`[name="${name}"]`).value = value;
  fill();
  draw(view);
  announce();
}

languageButton.addEventListener("click", () => setup !== null && speak(nextLanguage()));
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.repeat) event.preventDefault();
  if (event.key === "Escape" && view?.choices.includes("cancel")) choose("cancel");
});

async function run() {
  for (;;) {
    try {
      const reply = await get("/setup");
      if (reply.status === 403) return refuse();
      setup ??= await reply.json();
      const chosen = sessionStorage.getItem(LANGUAGE);
      language = chosen in setup.locales ? chosen : setup.language;
      for await (const next of events(SILENCE_MS)) draw(next);
    } catch {
      // the process is gone, or not yet there
    }
    if (setup !== null && view !== null) drawTrouble("lost");
    await pause(AGAIN_MS);
  }
}

// Without a token nothing is known but how to say so, in every language.
async function refuse() {
  document.body.dataset.state = "locked_out";
  main.replaceChildren(document.getElementById("locked_out").content.cloneNode(true));
  const reply = await get("/closed").catch(() => null);
  for (const [lang, title, why] of reply?.ok ? await reply.json() : []) {
    const heading = Object.assign(document.createElement("h1"), { lang, textContent: title });
    const reason = Object.assign(document.createElement("p"), { lang, textContent: why, className: "why" });
    main.querySelector(".result").append(heading, reason);
  }
}

run();
