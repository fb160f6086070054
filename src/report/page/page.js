"use strict";
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = [...body.rows].map((row) => [row.cells[column].textContent.trim(), row]);
      // A number, or an amount behind its currency: `12 %`, `EUR 1,234.50`.
      const number = (text) => {
        const found = /^(?:[A-Z]{3} )?(-?[\d,]+(?:\.\d+)?)(?=\s|$)/.exec(text);
        return found ? parseFloat(found[1].replaceAll(",", "")) : NaN;
      };
      keyed.sort(([a], [b]) => {
        const difference = number(a) - number(b);
        return (Number.isNaN(difference) ? a.localeCompare(b) : difference) * (down ? -1 : 1);
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
  if (body.rows.length < 10) continue;
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "search";
  label.append("Search this table ", input);
  table.parentElement.before(label);
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
