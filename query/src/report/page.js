"use strict";
(() => {
  // A row is [time, service, call, error, who, address, region, account, record]; what cannot be seen is escaped in it
  // already. Everything reaches the page as the text of a node, never as markup.
  const [TIME, SERVICE, CALL, ERROR, WHO, ADDRESS, REGION, ACCOUNT, RECORD] = Array(9).keys();
  const PAGE = 250;
  const byId = (id) => document.getElementById(id);
  const rows = JSON.parse(byId("data").textContent);
  const form = byId("filters"), body = byId("rows").tBodies[0], when = byId("when"), more = byId("more");
  // What a click on a picture asks for: a span of time, or an hour of the day.
  let picked = null, found = [], drawn = 0;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const offer = (select, column) => {
    const counts = new Map();
    for (const row of rows) counts.set(row[column], (counts.get(row[column]) || 0) + 1);
    for (const [value, count] of [...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
      if (value === "") continue;
      const option = element("option", "", `${value} (${count})`);
      option.value = value;
      select.append(option);
    }
  };

  const isPicked = (row) => {
    if (!picked) return true;
    if (picked.hour !== undefined) return row[TIME].slice(11, 13) === picked.hour;
    const seconds = Date.parse(row[TIME]) / 1000;
    return seconds >= picked.from && seconds < picked.to;
  };

  const filter = () => {
    const { service, call, outcome, text } = form.elements;
    const needle = text.value.trim().toLowerCase();
    found = rows.filter((row) =>
      (!service.value || row[SERVICE] === service.value) &&
      (!call.value || row[CALL] === call.value) &&
      (!outcome.value || (row[ERROR] === "") === (outcome.value === "ok")) &&
      isPicked(row) &&
      (!needle || row.some((cell) => cell.toLowerCase().includes(needle))));
    when.hidden = !picked;
    when.textContent = picked ? `${picked.label} ×` : "";
    byId("shown").textContent =
      found.length === rows.length ? rows.length.toLocaleString("en") : `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    body.replaceChildren();
    drawn = 0;
    draw();
  };

  const draw = () => {
    const next = found.slice(drawn, drawn + PAGE);
    body.append(...next.map(line));
    drawn += next.length;
    more.hidden = drawn >= found.length;
    more.textContent = `Show ${Math.min(PAGE, found.length - drawn)} more of ${found.length - drawn}`;
  };

  const line = (row) => {
    const made = element("tr");
    made.tabIndex = 0;
    const cell = (className, column, text) => {
      const td = element("td", className, text === undefined ? row[column] : text);
      td.title = row[column];
      made.append(td);
    };
    cell("t", TIME, row[TIME].replace("T", " ").replace(/Z$/, ""));
    cell("", SERVICE);
    cell("", CALL);
    cell(row[ERROR] ? "bad" : "d", ERROR, row[ERROR] || "done");
    for (const column of [WHO, ADDRESS, REGION, ACCOUNT]) cell("m", column);
    const toggle = () => (made.classList.toggle("open") ? made.after(record(row[RECORD])) : made.nextSibling.remove());
    made.addEventListener("click", toggle);
    made.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle();
    });
    return made;
  };

  const record = (json) => {
    const made = element("tr", "record"), td = element("td"), pre = element("pre");
    td.colSpan = 8;
    for (const text of pretty(json).split("\n")) {
      const [, indent, key, rest] = text.match(/^( *)("(?:[^"\\]|\\.)*"(?=: ))?(.*)$/s);
      pre.append(indent);
      if (key) pre.append(element("b", "", key));
      pre.append(/^: null,?$/.test(rest) ? element("i", "", rest) : rest, "\n");
    }
    td.append(pre);
    made.append(td);
    return made;
  };

  // The text of the record with line breaks: reading and writing its numbers could change their digits.
  const pretty = (json) => {
    let out = "", depth = 0;
    const breakLine = () => (out += "\n" + "  ".repeat(depth));
    for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs)) {
      if (token === "{" || token === "[") { out += token; depth++; breakLine(); }
      else if (token === "}" || token === "]") {
        depth--;
        if (/[{[]\s*$/.test(out.slice(-200))) out = out.trimEnd(); else breakLine();
        out += token;
      }
      else if (token === ",") { out += ","; breakLine(); }
      else out += token === ":" ? ": " : token;
    }
    return out;
  };

  const pick = (target) => {
    const { from, to, hour, service, label } = target.dataset;
    picked = hour === undefined ? { from: Number(from), to: Number(to), label } : { hour, label };
    form.elements.service.value = service || "";
    filter();
    byId("events").scrollIntoView();
  };

  offer(form.elements.service, SERVICE);
  offer(form.elements.call, CALL);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  // The fields are empty only after the event.
  form.addEventListener("reset", () => { picked = null; setTimeout(filter); });
  when.addEventListener("click", () => { picked = null; filter(); });
  more.addEventListener("click", draw);
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-label]");
    if (target) pick(target);
  });
  filter();
})();
