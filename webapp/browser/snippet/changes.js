/* What a variant does to the page: text, attribute, class, hide, redirect, widget. Each change is made once to each
   element. No change brings in a script. */

const ACTIVE = "script,style,iframe,object,embed,base,link,meta";
const applied = new WeakMap(); // element -> the changes it has
const widgets = {};
const waiting = {}; // name of a widget that is on its way -> what to do when it is there
const loading = new Set(); // selectors of elements that wait for a widget behind the curtain

function change(flag, event) {
  flag.value?.changes?.forEach?.(
    safely((one) => {
      if (one.redirect) redirect(one.redirect, event);
      all(one.select).forEach(safely((element) => changeOnce(element, one)));
    }),
  );
}

function changeOnce(element, one) {
  const had = applied.get(element) || [];
  if (had.includes(one) || element.matches(ACTIVE)) return;
  applied.set(element, [...had, one]);
  if (one.text != null) element.textContent = one.text;
  for (const name in one.attribute) setAttribute(element, name, one.attribute[name]);
  element.classList.remove(...listed(one.class?.remove));
  element.classList.add(...listed(one.class?.add));
  if (one.hide) element.style.setProperty("display", "none", "important");
  if (one.widget) useWidget(element, one);
}

const listed = (given) => [].concat(given || []); // one name, or a list

function setAttribute(element, name, value) {
  if (/^(on|srcdoc)/i.test(name) || /^(javascript|data):/i.test(String(value).replace(/[\0- ]/g, ""))) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/* Keeps the page's query, and hands the visitor's id to another host. Never to where we are: that would not end. */
function redirect(to, event) {
  const target = new URL(to, location);
  const place = target.searchParams;
  if (!/^http/.test(target.protocol) || target.origin + target.pathname === location.origin + location.pathname) return;
  query().forEach((value, name) => place.has(name) || place.append(name, value));
  if (visitor && target.hostname !== location.hostname) place.set(COOKIE, written());
  event?.preventDefault();
  conceal(["body"]);
  location.replace(target);
}

function useWidget(element, one) {
  const name = one.widget;
  const run = safely(() => widgets[name](element, one.options || {}));
  if (widgets[name]) return run();
  loading.add(one.select);
  conceal(loading);
  const ready = () => {
    if (!element.contains(document.activeElement)) run(); // never under the visitor's hands
    loading.delete(one.select);
    conceal(loading);
  };
  if (waiting[name]) return waiting[name].push(ready);
  waiting[name] = [ready];
  const script = document.createElement("script");
  script.onload = script.onerror = () => waiting[name].splice(0).forEach((act) => act());
  script.nonce = tag.nonce;
  script.src = `${server}/widgets/${name}.js`;
  document.head.append(script);
}
