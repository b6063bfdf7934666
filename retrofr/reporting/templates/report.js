"use strict";
// Filters and sorts the hits, and puts them into the page as they are needed: of a long list all but the first lie in a
// <noscript>, which a browser with scripts keeps as text. Without this script the page shows all, best score first.
(() => {
  const STEP = 100;
  const list = document.getElementById("list");
  const form = document.getElementById("filters");
  const more = document.getElementById("more");
  const rest = document.getElementById("rest");
  const output = form && form.querySelector("output");

  const made = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };
  const hits = Array.from(list.children, (node) => ({ node, id: node.id, ...node.dataset }));
  for (const html of rest ? rest.textContent.split(/(?=<article )/) : []) {
    if (!html.startsWith("<article ")) continue;
    const opening = made(html.slice(0, html.indexOf(">") + 1) + "</article>");
    hits.push({ html, id: opening.id, ...opening.dataset });
  }
  hits.forEach((hit, place) => { hit.place = place; });
  const marks = new Map();
  for (const mark of document.querySelectorAll(".mark[data-rank]:not(.below)")) {
    marks.set(`hit-${mark.dataset.rank}`, mark.closest("a") || mark);
  }

  let shown = hits;
  let number = STEP;
  const show = () => {
    list.replaceChildren(...shown.slice(0, number).map((hit) => (hit.node ||= made(hit.html))));
    more.hidden = number >= shown.length;
  };
  const add = () => {
    if (number >= shown.length) return;
    list.append(...shown.slice(number, number + STEP).map((hit) => (hit.node ||= made(hit.html))));
    number += STEP;
    more.hidden = number >= shown.length;
  };

  const byTime = (a, b) =>
    (a.start ? 0 : 1) - (b.start ? 0 : 1) || (a.start || "").localeCompare(b.start || "") ||
    (a.start ? 0 : a.camera.localeCompare(b.camera)) || a.media - b.media || a.place - b.place;
  const fits = (hit, asked) => {
    for (const name of ["camera", "probe", "person"]) {
      if (asked[name] && hit[name] !== asked[name]) return false;
    }
    if (asked.from && !(hit.end && hit.end >= asked.from)) return false;
    return !(asked.to && !(hit.start && hit.start <= asked.to));
  };
  const apply = () => {
    const asked = Object.fromEntries(new FormData(form));
    for (const name of ["from", "to"]) {
      if (asked[name] && asked[name].length === 16) asked[name] += ":00";
    }
    shown = hits.filter((hit) => {
      const wanted = fits(hit, asked);
      const mark = marks.get(hit.id);
      if (mark) mark.classList.toggle("away", !wanted);
      return wanted;
    });
    if (asked.order === "time") shown.sort(byTime);
    number = STEP;
    show();
    output.textContent = `${shown.length.toLocaleString("en")} of ${hits.length.toLocaleString("en")} shown`;
  };
  const follow = () => {
    const id = location.hash.slice(1);
    const hit = hits.find((each) => each.id === id);
    if (!hit || (hit.node && hit.node.isConnected)) return;
    if (!shown.includes(hit)) {
      form.reset();
      apply();
    }
    number = STEP * Math.ceil((shown.indexOf(hit) + 1) / STEP);
    show();
    hit.node.scrollIntoView();
  };

  more.addEventListener("click", add);
  new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && add(), { rootMargin: "1500px" })
    .observe(more);
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => {
    number = shown.length;
    show();
    for (const picture of document.querySelectorAll("img[loading=lazy]")) picture.loading = "eager";
  });
  if (form) {
    form.addEventListener("input", apply);
    form.addEventListener("reset", () => setTimeout(apply));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
  } else {
    more.hidden = number >= shown.length;
  }
  follow();
})();
