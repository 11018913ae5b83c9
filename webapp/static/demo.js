// The note at the end of each demo page: which variants this visitor has. A site of yours needs nothing of this.
(window.yesladder = window.yesladder || []).push([
  "ready",
  function () {
    const note = document.getElementById("demo-variants");
    const has = note.dataset.experiments
      .split(" ")
      .map((key) => [key, yesladder.variant(key)])
      .filter(([, variant]) => variant);
    if (has.length) note.textContent = "You see " + has.map(([key, variant]) => variant + " in " + key).join(" and ") + ".";
  },
]);
