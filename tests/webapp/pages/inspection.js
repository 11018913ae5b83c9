// What a page is asked in the browser; answers are lists of faults in words, empty when all is well.
(() => {
  const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])";

  const words = (element) => {
    const text = (element.textContent || element.getAttribute("aria-label") || "").replace(/\s+/g, " ").trim();
    const of = element.className && element.className.baseVal === undefined ? "." + element.className : "";
    return `<${element.localName}${of}> ${text.slice(0, 60)}`;
  };

  const shown = (element) => element.checkVisibility({ visibilityProperty: true });

  // Kept for screen readers only: it has no width on purpose.
  const unseen = (element) => getComputedStyle(element).clipPath === "inset(50%)";

  // Does anything stand out on the right, or is cut off there without a way to see it?
  const tooWide = (width, paper) => {
    const faults = [];
    if (document.documentElement.scrollWidth > width) {
      const out = [...document.body.querySelectorAll("*")].filter(
        (one) => shown(one) && one.getBoundingClientRect().right > width + 0.5,
      );
      faults.push(`${document.documentElement.scrollWidth} px wide on ${width}: ${out.slice(0, 3).map(words).join(" | ")}`);
    }
    for (const one of document.body.querySelectorAll(paper ? "*" : "table")) {
      if (!shown(one) || one.closest("svg") || one.closest("thead") && unseen(one.closest("thead")) || unseen(one)) continue;
      const box = one.getBoundingClientRect();
      if (one.localName === "table" && box.right > width + 0.5) faults.push(`table ${box.right} px on ${width}: ${words(one)}`);
      const style = getComputedStyle(one);
      if (paper && style.overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1) faults.push(`cut: ${words(one)}`);
    }
    return faults;
  };

  const open = (yes) => document.querySelectorAll("details").forEach((one) => { one.open = yes; });

  // Everything that can be clicked or filled in; of a group of radio buttons one, as the keyboard has it.
  const interactive = () => {
    const groups = new Set();
    return [...document.querySelectorAll(FOCUSABLE)].filter((one) => {
      if (!shown(one) || one.disabled) return false;
      if (one.type !== "radio") return true;
      const known = groups.has(one.name);
      groups.add(one.name);
      return !known;
    });
  };

  const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).map((one) => one / 255).map(
      (one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4),
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    for (let one = element.parentElement; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };

  // Is it seen where the focus is? A ring of two pixels at least, three times as bright or dark as what is behind it.
  // The label around a field may wear it instead.
  const ringFault = (element) => {
    const label = element.closest("label");
    const style = getComputedStyle(label && getComputedStyle(label).outlineStyle !== "none" ? label : element);
    if (!element.matches(":focus-visible")) return "the focus is not shown";
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "there is no ring";
    if (style.outlineStyle !== "auto" && contrast(style.outlineColor, behind(element)) < 3) return "the ring is too faint";
    return "";
  };

  let met = null;
  const watchFocus = () => {
    met = new Map();
    document.addEventListener("focusin", (event) => met.set(event.target, ringFault(event.target)));
    document.activeElement.blur();
    return interactive().length;
  };
  const focusFaults = () => {
    const group = (one) => [...met.keys()].some((other) => other.type === "radio" && other.name === one.name);
    const missed = interactive().filter((one) => !met.has(one) && !(one.type === "radio" && group(one)));
    return [
      ...missed.map((one) => `not reached with Tab: ${words(one)}`),
      ...[...met].filter(([, fault]) => fault).map(([one, fault]) => `${fault}: ${words(one)}`),
    ];
  };

  // With reduced motion wanted, nothing moves.
  const moving = () => [...document.querySelectorAll("*")].filter((one) => {
    const style = getComputedStyle(one);
    const times = `${style.animationName === "none" ? "" : style.animationDuration} ${style.transitionDuration}`;
    return (times.match(/[\d.]+/g) || []).some((time) => Number(time) > 0.01) || style.scrollBehavior === "smooth";
  }).map((one) => `moves: ${words(one)}`);

  // Rows that are built alike are judged once: a table of 400 days has no other barrier than one of two.
  const dropAlike = () => {
    const known = new Set();
    const built = (one) => one.outerHTML.replace(/>[^<]*</g, "><").replace(/ (d|x|x1|x2|cx|width|href|aria-label|datetime|data-label)="[^"]*"/g, "");
    document.querySelectorAll("tbody tr, main ol > li, main ul > li").forEach((one) => {
      const kind = built(one.closest("table")?.querySelector("thead") || one.parentElement.cloneNode()) + built(one);
      if (known.has(kind) && one.previousElementSibling) one.remove();
      known.add(kind);
    });
  };

  window.inspection = { dropAlike, tooWide, open, watchFocus, focusFaults, moving };
})();
