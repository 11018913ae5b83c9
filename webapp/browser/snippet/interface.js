/* What the page's own scripts may call. Calls made before this script is there wait in a plain list. */

let announce;
const whenReady = new Promise((resolve) => (announce = resolve));
const once = (act) => (settled ? act() : held.push(act));

const api = {
  /* The key of the visitor's variant, or null while it is not known. Of an experiment without a trigger, asking is the
     exposure. */
  variant(key) {
    const flag = flags.find((one) => one.key === key);
    if (!flag) return null;
    if (!flag.trigger[0]) expose(flag);
    return flag.variant;
  },
  track: (event, properties) => once(() => post({ event: String(event), properties })),
  /* This visitor is that user of yours: what either did is one person's. */
  identify: (userId) =>
    once(() => post({ type: "identify", messageId: ["identify", visitor.id, userId].join(":"), userId: String(userId) })),
  consent(given) {
    if (given) {
      if (!objects()) write("consent", true);
      return visitor || start();
    }
    outbox.clear();
    post({ event: "Consent Withdrawn" });
    leave();
    stored("").forEach(erase);
    setCookie("", 0);
    visitor = null;
    write("consent", false);
  },
  ready: (callback) => whenReady.then(callback),
  widget(name, make) {
    widgets[name] = make;
  },
  style: adopt,
};

function start() {
  settled = false;
  try {
    if (preview()) return;
    if (mayCount()) return begin();
  } catch {
    visitor = null; // nothing can be kept here
    reveal();
  }
  settle([]);
}

function open() {
  const early = window.yesladder || [];
  if (early.style) return; // the tag is twice on the page
  for (const name in api) api[name] = safely(api[name]);
  api.push = (...calls) => calls.forEach(safely(([name, ...given]) => api[name](...given))); // as many as a list takes
  window.yesladder = api;
  start();
  api.push(...early);
}

if (document.prerendering) document.addEventListener("prerenderingchange", safely(open));
else open();
