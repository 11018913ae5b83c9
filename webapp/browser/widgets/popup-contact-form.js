/* popup-contact-form: a click on the link opens the form over the page, instead of leading to a page of its own.

   The form is already in the page: in a <template>, which is the better place, or hidden. It is the form of the page
   that the link leads to, with the same action and the same fields, and is submitted as it would be there. Whatever
   is missing or goes wrong, the link leads to its page as before.

   Options: form (selector of the template, "#contact-popup"), title (else the link's text), close ("Close"). */

(function () {
  "use strict";
  const dialogs = new Map(); // several links of a page open the same dialog, with what was already filled in
  let opener;

  yesladder.widget("popup-contact-form", function (link, options) {
    const words = Object.assign({ form: "#contact-popup", title: "", close: "Close" }, options);
    if (!window.HTMLDialogElement || !document.querySelector(words.form)) return;
    link.setAttribute("aria-haspopup", "dialog");
    link.addEventListener("click", (event) => {
      const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey; // a new tab
      if (elsewhere || event.defaultPrevented) return;
      try {
        dialogOf(words, link).showModal();
        opener = link;
        event.preventDefault();
      } catch {
        // the link does what it always did
      }
    });
  });

  function dialogOf(words, link) {
    if (dialogs.has(words.form)) return dialogs.get(words.form);
    const source = document.querySelector(words.form);
    const content = source.content ? document.importNode(source.content, true) : source;
    if (!content.querySelector("form") && content.tagName !== "FORM") throw new Error("no form");
    const dialog = make("dialog", { className: "yes-popup" });
    const title = make("h2", { className: "yes-title", id: "yes-title-" + dialogs.size, tabIndex: -1 });
    const close = make("button", { className: "yes-close", type: "button", textContent: "\u00d7" });
    title.textContent = words.title || link.textContent.trim();
    close.setAttribute("aria-label", words.close);
    close.addEventListener("click", () => dialog.close());
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.setAttribute("closedby", "any"); // a click beside it closes it; what was filled in stays
    dialog.addEventListener("close", () => opener.focus());
    dialog.append(title, close, content);
    source.hidden = false;
    document.body.append(dialog);
    title.autofocus = true; // not sooner: this is for the dialog, not for the page
    dialogs.set(words.form, dialog);
    return dialog;
  }

  function make(tag, properties) {
    return Object.assign(document.createElement(tag), properties);
  }
})();
