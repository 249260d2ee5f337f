"use strict";
// Makes the tables sort by their column headers. Without it they are in the
// order of the report.
(function () {
  var factors = {
    "ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "/s": 1, "k/s": 1e3, "M/s": 1e6, "G/s": 1e9,
    "KiB": 1024, "MiB": 1048576, "GiB": 1073741824, "TiB": 1099511627776,
    "kB/s": 1e3, "MB/s": 1e6, "GB/s": 1e9, "kJ": 1e3, "MJ": 1e6, "%": 0.01
  };

  // The number that a text begins with, in its base unit; null if there is
  // none.
  function number(text) {
    var m = /^[(<>≤≥~\s]*([+−-]?)(×?)([\d,]*\.?\d+(?:e[+-]?\d+)?)\s*([^\s\d)*,;]*)/.exec(text);
    if (!m) { return null; }
    var x = parseFloat(m[3].replace(/,/g, "")) * (factors[m[4]] || 1);
    if (m[2]) { x -= 1; }
    return m[1] === "−" || m[1] === "-" ? -x : x;
  }

  function compare(a, b, numeric) {
    if (!numeric) { return a.localeCompare(b, "en", {numeric: true}); }
    return number(a) - number(b);
  }

  // A row and the notes below it, which stay together.
  function groups(body) {
    var out = [];
    Array.prototype.forEach.call(body.rows, function (row) {
      if (row.className === "note" && out.length) { out[out.length - 1].push(row); } else { out.push([row]); }
    });
    return out;
  }

  function text(group, column) {
    var cell = group[0].cells[column];
    return cell && !cell.classList.contains("span") ? cell.textContent.trim() : "";
  }

  function sort(body, all, column, numeric, direction) {
    var rows = all.slice();
    if (direction) {
      rows.sort(function (a, b) {
        var x = text(a, column), y = text(b, column);
        var noX = x === "" || numeric && number(x) === null, noY = y === "" || numeric && number(y) === null;
        // What has no value is last, whichever way the others are sorted.
        if (noX || noY) { return noX - noY; }
        return compare(x, y, numeric) * direction;
      });
    }
    var moved = document.createDocumentFragment();
    rows.forEach(function (group) { group.forEach(function (row) { moved.appendChild(row); }); });
    body.appendChild(moved);
  }

  Array.prototype.forEach.call(document.querySelectorAll(".scroll table"), function (table) {
    var body = table.tBodies[0], headers = table.tHead.rows[table.tHead.rows.length - 1].cells, all = groups(body);
    if (all.length < 2) { return; }
    table.caption.textContent += ", sorted by the buttons in its column headers";
    Array.prototype.forEach.call(headers, function (th, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (th.firstChild) { button.appendChild(th.firstChild); }
      th.appendChild(button);
      button.addEventListener("click", function () {
        var was = th.getAttribute("aria-sort");
        Array.prototype.forEach.call(headers, function (other) { other.removeAttribute("aria-sort"); });
        var next = was === "ascending" ? "descending" : was === "descending" ? "" : "ascending";
        if (next) { th.setAttribute("aria-sort", next); }
        sort(body, all, column, th.classList.contains("n"), next === "ascending" ? 1 : next === "descending" ? -1 : 0);
      });
    });
  });
})();
