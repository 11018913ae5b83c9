/* Events wait here until the server has them. Each is also in localStorage, so the next page sends what this one could
   not; each has a messageId, so sending twice counts once. */

const MOST_EVENTS = 100;
const MOST_BYTES = 32000; // of one event
const BEACON_BYTES = 60000; // browsers let a leaving page send 64 KiB
const FRESH = 10000; // a younger event happens when it is received: no clock is involved, and order is kept

const outbox = new Map();
let sending;
let changed; // since the last beacon
let failures = 0;

function post(what) {
  if (!visitor) return;
  const event = {
    type: "track",
    messageId: random(),
    anonymousId: visitor.id,
    timestamp: new Date(),
    context: {
      page: { url: location.origin + location.pathname, referrer: document.referrer },
      locale: navigator.language,
      first_seen: visitor.seen,
      campaign: { source: query().get("utm_source") },
    },
    ...what,
  };
  if (bytes(event) > MOST_BYTES) return;
  put(event);
  safely(write)("event." + event.messageId, event);
  setTimeout(send, 50); // what happens together is sent together
}

function put(event) {
  outbox.set(event.messageId, event);
  changed = true;
  if (outbox.size > MOST_EVENTS) remove(outbox.values().next().value);
}

function remove(event) {
  outbox.delete(event.messageId);
  erase("event." + event.messageId);
}

const bytes = (value) => new Blob([JSON.stringify(value)]).size;

/* The oldest events, as many as a leaving page may send. */
function batch() {
  const now = Date.now();
  let room = BEACON_BYTES;
  return {
    writeKey: tag.dataset.writeKey,
    sentAt: new Date(),
    batch: [...outbox.values()]
      .filter((event) => (room -= bytes(event)) > 0)
      .map((event) => (now - new Date(event.timestamp) < FRESH ? { ...event, timestamp: null } : event)),
  };
}

/* One request at a time: an exposure is received before the steps that come after it. */
function send() {
  if (sending || !outbox.size) return;
  const sent = batch();
  sending = true;
  fetch(server + "/v1/batch", { method: "POST", keepalive: true, body: JSON.stringify(sent) })
    .then((answer) => {
      if (answer.status === 429 || answer.status >= 500) throw 0;
      sent.batch.forEach(remove); // taken, or refused for good
      failures = 0;
    })
    .catch(() => failures++)
    .then(() => {
      sending = false;
      setTimeout(send, failures && 1000 * 2 ** Math.min(failures, 6));
    });
}

/* The page may be gone in a moment. Nobody hears the answer, so the events stay stored until a request is answered. */
const leave = safely(() => {
  if (!settled) settle([]);
  release();
  if (changed && outbox.size) navigator.sendBeacon(server + "/v1/batch", JSON.stringify(batch()));
  changed = false;
});

function sendLeftovers() {
  stored("event.").map(read).forEach(put);
  changed = false;
  send();
}
