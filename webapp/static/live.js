// Keeps the page "Is it working?" up to date: fetches it again and exchanges its live part. Without scripts the page
// asks the browser to reload instead.
(function () {
  "use strict";
  var EVERY = 3000;
  var live = document.getElementById("live");
  if (!live || live.dataset.paused === "yes") return;

  function refresh() {
    var held = live.contains(document.activeElement) || String(window.getSelection() || "") !== "";
    if (document.hidden || held) return again();
    fetch(location.href, { headers: { Accept: "text/html" } })
      .then(function (response) {
        if (!response.ok || response.redirected) throw new Error(String(response.status));
        return response.text();
      })
      .then(function (text) {
        var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("live");
        if (fresh && fresh.innerHTML !== live.innerHTML) live.replaceChildren.apply(live, fresh.childNodes);
        say("Refreshes by itself");
      })
      .catch(function () { say("Cannot reach the server; trying again"); })
      .then(again);
  }
  function say(words) {
    var place = live.querySelector(".refreshing");
    if (place && place.textContent !== words) place.textContent = words;
  }
  function again() { setTimeout(refresh, EVERY); }
  again();
})();
