/* Hides tested elements until it is known what they show, for at most PATIENCE. A constructed style sheet also covers
   what is not parsed yet, and no content-security policy forbids it. */

const curtain = safely(adopt)("");
let opening;
let revealed; // on this page, what has been hidden for PATIENCE is not hidden again

function adopt(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return sheet;
}

/* Hide what these selectors match, and nothing else. Of several selectors, a wrong one is ignored. */
const conceal = safely((selectors) => {
  const list = `:is(${[...selectors]})`;
  curtain.replaceSync(`${list},${list} *{visibility:hidden!important;transition:none!important}`);
  if (list === ":is()") opening = clearTimeout(opening);
  else opening = opening || setTimeout(reveal, PATIENCE);
});

function reveal() {
  revealed = true;
  loading.clear();
  conceal([]);
}

/* What is on the screen already is not taken away again. */
function concealTested() {
  const painted = performance.getEntriesByType("paint").length;
  conceal(
    tested.filter((one) => (!one[1] || isHere(one[1])) && !(painted && all(one[0]).length)).map((one) => one[0]),
  );
}
