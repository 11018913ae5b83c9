/* What a variant does to the page: text, attribute, class, hide, redirect, widget. Each change is made once to each
   element. No change brings in a script. */

const ACTIVE = "script,style,iframe,object,embed,base,link,meta";
const applied = new WeakMap(); // element -> the changes it has
const widgets = {}; // name -> what makes it; 0 while its script is on its way
const loading = new Set(); // selectors of elements that wait for their widget behind the curtain

function change(flag, event) {
  flag.value?.changes?.forEach?.(
    safely((one) => {
      if (one.redirect) redirect(one.redirect, event);
      all(one.select).forEach(safely((element) => changeOnce(element, one)));
    }),
  );
}

/* While the parser is inside an element, it adds the rest of the control to what we make of it. So until it has left,
   the change is made again before each paint; a widget is made only then. */
function changeOnce(element, one) {
  const had = applied.get(element) || [];
  if (had.includes(one) || element.matches(ACTIVE)) return;
  const ready = isWhole(element) && (!one.widget || widgets[one.widget]);
  if (ready) applied.set(element, [...had, one]);
  if (one.text != null && element.textContent != one.text) element.textContent = one.text;
  for (const name in one.attribute) setAttribute(element, name, one.attribute[name]);
  element.classList.remove(...[].concat(one.class?.remove || [])); // one name, or a list
  element.classList.add(...[].concat(one.class?.add || []));
  if (one.hide) element.style.setProperty("display", "none", "important");
  if (one.widget) useWidget(element, one, ready);
}

const isWhole = (node) => document.readyState !== "loading" || (node && (node.nextSibling || isWhole(node.parentNode)));

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

function useWidget(element, one, ready) {
  const name = one.widget;
  loading.delete(one.select);
  if (ready) {
    // never under the visitor's hands
    if (!revealed || !element.contains(document.activeElement)) widgets[name](element, one.options || {});
  } else if (!revealed) loading.add(one.select);
  conceal(loading);
  if (name in widgets) return;
  widgets[name] = 0;
  const script = document.createElement("script");
  script.onload = script.onerror = () => {
    widgets[name] ||= () => {}; // it did not come: the control stays
    look();
  };
  script.nonce = tag.nonce;
  script.src = `${server}/widgets/${name}.js`;
  document.head.append(script);
}
