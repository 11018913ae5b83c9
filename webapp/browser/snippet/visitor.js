/* Who is this? A random id with the day of the first visit, in a cookie of the page's own host. */

const COOKIE = "yesladder_id";
const COOKIE_VALUE = /yesladder_id=([0-9a-f]{32})\.(\d{4}-\d\d-\d\d)/;
const COOKIE_SECONDS = 34164000; // 13 months from the first visit; never renewed

const random = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => (byte + 256).toString(16).slice(1)).join("");

function setCookie(value, seconds) {
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `${COOKIE}=${value};path=/;samesite=lax;max-age=${seconds}${secure}`;
}

const written = () => `${visitor.id}.${visitor.seen}`;

/* Is it a new visitor? A redirect from another host hands the id over in the address. Throws where nothing can be
   kept: without an id that lasts, every page view would be another visitor. */
function recognise() {
  write("room", "x".repeat(4096));
  erase("room");
  const known = COOKIE_VALUE.exec(document.cookie + location.search);
  visitor = known ? { id: known[1], seen: known[2] } : { id: random(), seen: new Date().toISOString().slice(0, 10) };
  if (known || !sameOrigin) keep();
  const address = new URL(location);
  if (query().has(COOKIE)) {
    address.searchParams.delete(COOKIE);
    history.replaceState(history.state, "", address);
  }
  return !known;
}

/* A server on the page's own origin has set the cookie with its answer: browsers keep that one longer than ours. */
function keep() {
  if (!COOKIE_VALUE.test(document.cookie)) setCookie(written(), COOKIE_SECONDS);
  if (!COOKIE_VALUE.test(document.cookie)) throw 0;
}

/* Global Privacy Control and Do Not Track count unless the tag says otherwise. */
const objects = () =>
  tag.dataset.signals !== "ignore" && (navigator.globalPrivacyControl || navigator.doNotTrack === "1");

const mayCount = () => !objects() && (read("consent") ?? tag.dataset.consent !== "required");
