/* When does it happen? Triggers and steps: seen on the screen, page viewed, clicked, focused, submitted, filled in. */

const met = new Set(); // flags whose trigger has happened on this page view
const done = new Set(); // events sent once on this page view
const held = []; // what happened before it was known what this page shows
let missed = []; // flags whose trigger had happened before they were known
let rules = []; // [event, moment, target] of the steps' `on:`, each once: two experiments may count the same event
let scheduled;
let here;
let observer;

const isHere = (path) => path.replace(/\/$/, "") === location.pathname.replace(/\/$/, "");

function isSeen(element) {
  const box = element.getBoundingClientRect();
  observer.observe(element);
  return box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth; // all are 0 where it is hidden
}

const happens = (moment, target) =>
  moment === "visible" ? all(target).some(isSeen) : moment === "view" && isHere(target);

function meet(flag, event) {
  if (met.has(flag) || missed.includes(flag)) return;
  met.add(flag);
  expose(flag);
  change(flag, event);
}

/* Before each paint in which something may be new: triggers first, then changes, then steps. */
const look = safely(() => {
  scheduled = false;
  turnPage();
  if (!settled) return;
  flags.filter((flag) => happens(...flag.trigger)).forEach(safely((flag) => meet(flag)));
  met.forEach((flag) => change(flag));
  rules.forEach(([event, ...moment]) => done.has(event) || (happens(...moment) && step(event)));
  all("[data-yes-view]").forEach((element) => step(element.dataset.yesView));
  all("[data-yes-visible]").filter(isSeen).forEach((element) => step(element.dataset.yesVisible));
  release();
  if (opening) conceal(loading);
});

function step(event, repeats, properties) {
  if (!event || (!repeats && done.has(event))) return;
  if (!repeats) done.add(event);
  post({ event, properties });
}

function occur(moment, event) {
  const node = event.target;
  const meant = (kind, target) => kind === moment && within(node, target);
  if (!settled) return held.push(() => occur(moment, event));
  if (moment === "change" && !(node.value && node.validity.valid)) return;
  if (moment === "focus" && node.tabIndex < 0) return; // a script did that, not the visitor
  flags.filter((flag) => meant(...flag.trigger)).forEach((flag) => meet(flag, event));
  const events = rules.filter((rule) => meant(rule[1], rule[2])).map((rule) => rule[0]);
  const told = (name) => within(node, `[data-yes-${name}]`)?.getAttribute("data-yes-" + name);
  new Set([...events, told(moment)]).forEach((one) => step(one, /click|submit/.test(moment), parsed(told("properties"))));
}

const release = () => held.splice(0).forEach(safely((act) => act()));

function schedule() {
  scheduled = scheduled || requestAnimationFrame(look);
}

/* A single-page application shows another page without loading one. */
function turnPage() {
  const now = location.pathname + location.search;
  if (now === here) return;
  here = now;
  missed = [];
  revealed = false;
  met.clear();
  done.clear();
}

function watch() {
  if (observer) return;
  observer = new IntersectionObserver(look);
  new MutationObserver(schedule).observe(document, { childList: true, subtree: true });
  turnPage();
  const listen = (type, act) => addEventListener(type, safely(act), true);
  for (const type of ["click", "submit", "focusin", "change"]) {
    listen(type, (event) => occur(type.replace("in", ""), event));
  }
  listen("scroll", look);
  listen("DOMContentLoaded", look);
  listen("visibilitychange", leave); // the page is left, or only another tab is shown
}
