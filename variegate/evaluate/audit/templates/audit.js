"use strict";
(function () {
  const data = JSON.parse(document.getElementById("cells").textContent);
  const slider = document.getElementById("magnitude");
  const said = document.getElementById("said");
  const rows = Array.from(document.querySelectorAll("#heat tbody tr"));
  function show() {
    const step = Number(slider.value);
    said.textContent = String(data.steps[step]);
    rows.forEach(function (row, r) {
      const cells = row.querySelectorAll("td");
      data.rows[r].levels[step].forEach(function (cell, c) {
        cells[c].className = "k" + cell[0];
        cells[c].textContent = cell[1];
        cells[c].title = cell[2];
      });
    });
  }
  slider.addEventListener("input", show);
  show();
})();
