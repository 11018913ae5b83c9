/* multi-step-form: the page's own form, one step at a time.

   Steps are the form's outer fieldsets, each headed by its legend. A form without them is cut up in the order of the
   page: the first question alone, because an easy yes comes first, then `fields` questions a step. Fields stay the
   page's own and are never copied; nothing is submitted before the last step, and there natively, by the page's own
   button. What stands before the steps is always shown, what stands after them belongs to the last one.

   Options: next, back, progress ("Step {step} of {steps}"), fields (3). */

yesladder.widget("multi-step-form", function (element, options) {
  "use strict";
  const FIELD = "input:not([type=hidden], [type=submit], [type=image], [type=button], [type=reset]), select, textarea";
  const SUBMIT = "button:not([type]), [type=submit], [type=image]"; // of a form, a button without a type submits
  const words = Object.assign({ next: "Next", back: "Back", progress: "Step {step} of {steps}", fields: 3 }, options);
  const form = element.closest("form") || element.querySelector("form");
  if (!form || form.classList.contains("yes-steps")) return;

  const focused = document.activeElement;
  const steps = ofFieldsets() || ofQuestions();
  if (!steps) return; // one question is one step already
  const last = steps.length - 1;
  const submits = [...form.querySelectorAll(SUBMIT)].filter((button) => !isBefore(button, steps[0]));
  const submit = submits[0];
  const tail = [...form.querySelectorAll("*")].filter(
    (node) => isBefore(steps[last], node) && !steps[last].contains(node) && (node === submit || !node.contains(submit)),
  );

  const back = make("button", { type: "button", className: "yes-back", textContent: words.back });
  const place = make("p", { className: "yes-place", tabIndex: -1 });
  const bar = make("progress", { className: "yes-bar", max: steps.length });
  const head = make("div", { className: "yes-head" });
  const next = make("button", { type: "button", textContent: words.next });
  const headings = steps.map((step) => step.querySelector("legend, h1, h2, h3, h4, h5, h6") || place);
  let at = Math.max(0, steps.findIndex((step) => step.querySelector("[aria-invalid=true]") || step.contains(focused)));

  bar.setAttribute("aria-hidden", "true"); // the words beside it say the same
  if (!headings.includes(place)) place.setAttribute("role", "status");
  headings.forEach((heading) => (heading.tabIndex = -1));
  next.className = "yes-next " + (submit ? submit.className : ""); // looks as the page's own button does
  head.append(back, place, bar);
  steps[0].before(head);
  if (submit && !steps[last].contains(submit)) submit.before(next);
  else steps[last].after(next);
  form.classList.add("yes-steps");
  show(at);
  if (form.contains(focused)) focused.focus(); // moving a field takes the focus from it

  back.addEventListener("click", () => show(at - 1, true));
  next.addEventListener("click", goOn);
  form.addEventListener("keydown", (event) => {
    const field = event.target;
    const enters = event.key === "Enter" && !event.isComposing && field.matches("input") && field.matches(FIELD);
    if (enters && at < last) {
      event.preventDefault();
      goOn();
    }
  });
  // Some keyboards of phones submit without an Enter key: the browser then clicks the button, hidden as it is.
  submits.forEach((button) =>
    button.addEventListener("click", (event) => {
      if (at < last) {
        event.preventDefault();
        goOn();
      }
    }),
  );
  // At the end the browser checks every field: what has become wrong in an earlier step is shown, to be mended there.
  form.addEventListener(
    "invalid",
    (event) => {
      const wrong = steps.findIndex((step) => step.contains(event.target));
      if (wrong >= 0 && wrong < at) show(wrong);
    },
    true,
  );

  function show(step, focus) {
    at = step;
    steps.forEach((one, index) => display(one, index === at));
    tail.forEach((node) => display(node, at === last));
    if (submit) display(submit, at === last);
    display(next, at < last);
    display(back, at > 0);
    bar.value = at + 1;
    place.textContent = words.progress.replace("{step}", at + 1).replace("{steps}", steps.length);
    if (focus) headings[at].focus();
  }

  function goOn() {
    const fields = form.noValidate ? [] : [...steps[at].querySelectorAll(FIELD)];
    const wrong = fields.find((field) => field.willValidate && !field.validity.valid);
    if (wrong) wrong.reportValidity();
    else show(at + 1, true);
  }

  function ofFieldsets() {
    const found = [...form.querySelectorAll("fieldset")].filter(
      (one) => one.querySelector(FIELD) && !one.parentElement.closest("fieldset"),
    );
    return found.length > 1 && found;
  }

  function ofQuestions() {
    const groups = [];
    const all = questions();
    if (all.length < 2) return null;
    for (let i = 0; i < all.length; i += i ? words.fields : 1) groups.push(all.slice(i, i ? i + words.fields : 1).flat());
    return groups.map((nodes) => {
      const step = make("div", { className: "yes-step" });
      nodes[0].before(step);
      step.append(...nodes);
      return step;
    });
  }

  /* Each question with what belongs to it: the label before a field, the label after a checkbox, all radio buttons. */
  function questions() {
    const found = [];
    let box = form;
    let waiting = [];
    for (let holders; (holders = holding(box)).length === 1 && !holders[0].matches(FIELD + ", label"); ) box = holders[0];
    for (const node of [...box.childNodes]) {
      const field = node.matches && (node.matches(FIELD) ? node : node.querySelector(FIELD));
      const question = found[found.length - 1];
      if (field && question && field.type === "radio" && field.name === question.radio) question.push(...waiting, node);
      else if (field) found.push(Object.assign([...waiting, node], { radio: field.type === "radio" && field.name }));
      else if (question && node.control && question.includes(node.control)) question.push(node);
      else if (node.matches && (node.matches(SUBMIT) || node.querySelector(SUBMIT))) break;
      else {
        waiting.push(node);
        continue;
      }
      waiting = [];
    }
    return found;
  }

  function holding(box) {
    return [...box.children].filter((child) => child.matches(FIELD) || child.querySelector(FIELD));
  }

  function isBefore(one, other) {
    return one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
  }

  function display(node, shown) {
    node.style.display = shown ? "" : "none"; // also where the page's style or ours says otherwise, or is not there
  }

  function make(tag, properties) {
    return Object.assign(document.createElement(tag), properties);
  }
});
