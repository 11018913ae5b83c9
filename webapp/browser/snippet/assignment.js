/* Which variants does this visitor get? Asked by OFREP, kept for the next page view. */

const KEPT = 3600000; // milliseconds in which a kept assignment is used without waiting; every page view asks again

function ask(path, context, etag) {
  context.language = navigator.language.slice(0, 2);
  return fetch(server + "/ofrep/v1/evaluate/flags" + path, {
    method: "POST",
    headers: etag ? { "If-None-Match": etag } : {}, // without it no browser asks another origin for leave first
    body: JSON.stringify({ context }),
  });
}

function begin() {
  const isNew = recognise();
  const place = "flags." + visitor.id;
  const kept = read(place) || {};
  const fresh = Date.now() - kept.at < KEPT;
  watch();
  if (fresh) settle(kept.flags);
  else {
    concealTested();
    setTimeout(giveUp, PATIENCE);
  }
  sendLeftovers();
  ask("", { targetingKey: visitor.id, first_seen: visitor.seen, remember: isNew && sameOrigin }, kept.etag)
    .then((answer) =>
      answer.status === 304 ? kept : answer.json().then((told) => ({ ...told, etag: answer.headers.get("ETag") })),
    )
    .then((found) => {
      if (!visitor) return;
      found.flags.map(understood);
      write(place, { ...found, at: Date.now() });
      if (!fresh) settle(found.flags, settled);
    })
    .catch(giveUp);
}

/* It is known what this page shows. When that is known late, the control was shown already: what the visitor has met
   with stays as it is on this page view, and counts for nobody. */
function settle(found, late) {
  try {
    if (visitor) keep();
    flags = found.map(understood);
    rules = [...new Map(flags.flatMap((flag) => flag.on).map((rule) => [String(rule), rule])).values()];
    if (late) missed = flags.filter((flag) => happens(...flag.trigger));
  } catch {
    visitor = null;
    flags = [];
  }
  settled = true;
  schedule();
  announce();
}

const giveUp = () => settled || settle([]);

/* Throws for what is no assignment. */
function understood(flag) {
  const told = flag.metadata;
  return { ...flag, trigger: Object.entries(JSON.parse(told.trigger || "{}"))[0] || [], on: JSON.parse(told.on || "[]") };
}

/* The visitor has met what is tested: counted from here on, in every variant alike, before anything changes. */
function expose(flag) {
  const told = flag.metadata;
  const mark = "exposed." + flag.key;
  const identity = [flag.key, told.phase, told.started_at].join(":");
  if (!visitor || !told.in_experiment || told.exposure === "explicit" || read(mark) === identity) return;
  write(mark, identity);
  post({
    messageId: ["exposure", flag.key, told.phase, visitor.id].join(":"),
    event: "Experiment Viewed",
    properties: { experiment_id: flag.key, variation_id: flag.variant },
  });
  done.forEach((event) => post({ event })); // steps of this page view, now after the exposure
}

/* ?yesladder=contact-form:multi-step shows a variant, here and on the pages after it, without counting anything. */
function preview() {
  const given = query().get("yesladder");
  if (given !== null) sessionStorage.setItem(PREFIX, given);
  const wanted = sessionStorage.getItem(PREFIX);
  if (!wanted) return;
  watch();
  const pairs = wanted.split(",").map((one) => one.split(":"));
  const answers = pairs.map(([key, force]) =>
    ask("/" + key, { targetingKey: "preview", force }).then((answer) => answer.json()),
  );
  return Promise.all(answers).then(settle, giveUp);
}
