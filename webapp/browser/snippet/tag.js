/* What the script tag says, and what every part leans on: nothing is ever thrown into the page. */

const tag = document.currentScript;
const server = tag.src.split("/yesladder.js")[0];
const sameOrigin = new URL(server).origin === location.origin;
const PATIENCE = 300; // milliseconds that a tested element may be hidden; later the visitor sees the control
const PREFIX = "yesladder.";

let visitor; // {id, seen}: who is counted; none: nobody is, and nothing is stored or sent
let flags = []; // the assignments in force on this page, each with `trigger` [moment, target] and `on` read
let settled; // is it known what this page shows?

/* The page goes on as if we were not there, whatever happens in `act`. */
const safely =
  (act) =>
  (...given) => {
    try {
      return act(...given);
    } catch {}
  };

const all = (selector) => safely(() => [...document.querySelectorAll(selector)])() || [];
const within = safely((node, selector) => node.closest(selector));
const query = () => new URLSearchParams(location.search);

const parsed = safely(JSON.parse);
const read = safely((name) => parsed(localStorage.getItem(PREFIX + name)));
const write = (name, value) => localStorage.setItem(PREFIX + name, JSON.stringify(value)); // throws when it is full
const erase = safely((name) => localStorage.removeItem(PREFIX + name));
const stored = (name) =>
  Object.keys(localStorage)
    .filter((key) => key.startsWith(PREFIX + name))
    .map((key) => key.slice(PREFIX.length));
