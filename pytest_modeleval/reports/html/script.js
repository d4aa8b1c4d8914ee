"use strict";
// The table of cases. Every text of a model goes into the page as a text node and nothing else.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 100;
  const MAX_WORDS = 1500;
  const WORST = ["errored", "unscored", "missed", "skipped", "passed"];
  const HIDDEN =
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
  const DEFAULTS = { q: "", outcome: "", suite: "", tag: "", model: "", sort: "", page: "1", case: "" };

  // Rows of the block as objects.
  const text = (value) => (Array.isArray(value) ? value[0] : value);
  const cases = data.cases.map((row, index) => ({
    index,
    suite: row[0],
    id: row[1],
    input: row[2],
    question: row[3] || text(row[2]),
    expected: row[4],
    tags: row[5],
    answers: row[6].map((a) => ({
      model: a[0], repeat: a[1], outcome: data.outcomes[a[2]], output: a[3], reason: a[4],
      latency: a[5], cost: a[6], scores: a[7] || [], more: a[8] || {},
    })),
    before: (row[7] || []).map((b) => ({
      model: b[0], change: b[1], outcome: data.outcomes[b[2]], output: b[3], latency: b[4], cost: b[5],
    })),
    about: row[8],
    pasts: (row[9] || []).map((p) => ({ model: p[0], words: p[1], runs: p[2] })),
  }));
  const hasModels = data.models.filter((name) => name).length > 1;
  const hasScores = data.scores.length > 0;
  const isShort = cases.every((item) => (text(item.expected) || "").length <= 30);

  // Small helpers.
  const h = (tag, props, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "on") for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
      else element.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
    return element;
  };
  const shown = (value) => {
    const fragment = document.createDocumentFragment();
    let end = 0;
    for (const match of value.matchAll(HIDDEN)) {
      const code = match[0].charCodeAt(0);
      const name = code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0");
      fragment.append(value.slice(end, match.index), h("span", { class: "escape" }, name));
      end = match.index + 1;
    }
    fragment.append(value.slice(end));
    return fragment;
  };
  const short = (value) => {
    const line = (value || "").slice(0, 400).replace(/\s+/g, " ").trim();
    return shown(line.length > 240 ? line.slice(0, 240) + "…" : line);
  };
  const rounded = (value, digits) => value.toFixed(digits);
  const seconds = (value) => {
    if (value === null || value === undefined) return "n/a";
    const [name, size] = value >= 1 ? ["s", 1] : value >= 1e-3 ? ["ms", 1e-3] : ["us", 1e-6];
    const number = value / size;
    return rounded(number, number >= 100 ? 0 : number >= 10 ? 1 : 2) + " " + name;
  };
  const dollars = (value) => {
    if (value === null || value === undefined) return "n/a";
    if (value === 0) return "$0";
    const digits = value >= 1 ? 2 : Math.min(Math.max(1 - Math.floor(Math.log10(value)), 2), 12);
    return "$" + rounded(value, digits);
  };
  const decimal = (value) => (value === null ? "n/a" : String(+value.toFixed(3)));
  const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
  const modelName = (index) => data.models[index] || "(no model)";
  const quoted = (word) => (/^[\w.\/:=@%+-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'");

  // The state is the address behind #, so that a link says what is seen.
  let state = { ...DEFAULTS };
  const read = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    const isOurs = [...given.keys()].some((key) => key in DEFAULTS);
    if (isOurs) {
      state = { ...DEFAULTS };
      for (const key of Object.keys(DEFAULTS)) if (given.has(key)) state[key] = given.get(key);
    }
    return isOurs;
  };
  const address = (of) => {
    const given = new URLSearchParams();
    for (const [key, value] of Object.entries(of)) if (value && value !== DEFAULTS[key]) given.set(key, value);
    return "#" + (given.toString() || "cases");
  };
  const change = (changes) => {
    state = { ...state, page: "1", case: "", ...changes };
    history.replaceState(null, "", address(state));
    draw();
  };

  // Which cases are seen, and in which order.
  const answersOf = (item) =>
    state.model === "" ? item.answers : item.answers.filter((a) => modelName(a.model) === state.model);
  const beforeOf = (item) =>
    state.model === "" ? item.before : item.before.filter((b) => modelName(b.model) === state.model);
  const worstOf = (answers) => Math.min(...answers.map((a) => WORST.indexOf(a.outcome)));
  const differs = (item) => new Set(item.answers.map((a) => a.model + a.outcome)).size >
    new Set(item.answers.map((a) => a.model)).size ||
    new Set(item.answers.map((a) => a.outcome)).size > 1;
  const haystack = (item) => {
    if (item.haystack === undefined) {
      const parts = [item.id, text(item.input), text(item.expected)];
      for (const a of item.answers) parts.push(text(a.output), text(a.reason), ...a.scores.map((s) => text(s[2])));
      for (const key of Object.keys(item.about)) parts.push(text(item.about[key]));
      item.haystack = parts.filter((part) => typeof part === "string").join("\n").toLowerCase();
    }
    return item.haystack;
  };
  const matchesOutcome = (item, wanted) => {
    if (!wanted) return true;
    if (wanted === "broke") return beforeOf(item).some((b) => b.change < 0);
    if (wanted === "mended") return beforeOf(item).some((b) => b.change > 0);
    if (wanted === "differs") return differs(item);
    if (wanted === "failed") return answersOf(item).some((a) => a.outcome !== "passed" && a.outcome !== "skipped");
    return answersOf(item).some((a) => a.outcome === wanted);
  };
  const mean = (item, pick) => {
    const known = answersOf(item).map(pick).filter((value) => value !== null && value !== undefined);
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  };
  const scoreOf = (a) => {
    const known = a.scores.map((s) => s[1]).filter((value) => value !== null);
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  };
  const KEYS = {
    outcome: (item) => worstOf(answersOf(item)),
    case: (item) => item.id.toLowerCase(),
    input: (item) => item.question ? item.question.toLowerCase() : null,
    expected: (item) => text(item.expected),
    answer: (item) => text(answersOf(item)[0].output),
    score: (item) => mean(item, scoreOf),
    latency: (item) => mean(item, (a) => a.latency),
    cost: (item) => mean(item, (a) => a.cost),
    dataset: (item) => item.index,
  };
  const sorted = (found) => {
    const isDown = state.sort.startsWith("-");
    const key = KEYS[state.sort.replace("-", "")] || KEYS.outcome;
    const keyed = found.map((item) => [key(item), item]);
    keyed.sort(([a, one], [b, other]) => {
      if (a === null || b === null || a === undefined || b === undefined)
        return (a === null || a === undefined) - (b === null || b === undefined) || one.index - other.index;
      return (a < b ? -1 : a > b ? 1 : 0) * (isDown ? -1 : 1) || one.index - other.index;
    });
    return keyed.map(([, item]) => item);
  };
  const inScope = () => {
    const words = state.q.toLowerCase().split(/\s+/).filter((word) => word);
    return cases.filter((item) =>
      (state.suite === "" || data.suites[item.suite] === state.suite) &&
      (state.tag === "" || item.tags.some((tag) => data.tags[tag] === state.tag)) &&
      answersOf(item).length > 0 &&
      words.every((word) => haystack(item).includes(word)));
  };

  // The word diff: the longest common sequence of words.
  const words = (value) => value.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
  const diff = (expected, got) => {
    const a = words(expected), b = words(got);
    if (a.length > MAX_WORDS || b.length > MAX_WORDS || expected === got) return null;
    const width = b.length + 1;
    const longest = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    const parts = [];
    const add = (kind, word) => {
      const last = parts[parts.length - 1];
      if (last && last[0] === kind) last[1] += word; else parts.push([kind, word]);
    };
    let i = 0, j = 0, shared = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) {
        if (/[\p{L}\p{N}]/u.test(a[i])) shared++;
        add("same", a[i]); i++; j++;
      } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) add("del", a[i++]);
      else add("ins", b[j++]);
    }
    return shared ? parts : null;
  };
  const SAID = { del: "missing: ", ins: "added: " };
  const drawnDiff = (parts) => parts.map(([kind, words]) =>
    kind === "same" ? shown(words) : h(kind, {}, h("span", { class: "sr" }, SAID[kind]), shown(words)));

  // One case in full.
  const box = (title, value, children) => {
    if (value === null || value === undefined) return null;
    const note = Array.isArray(value)
      ? h("p", { class: "sub muted" }, `cut here; all ${value[1].toLocaleString("en")} characters are in the record`) : null;
    return [h("h3", {}, title),
      h("pre", { class: "text", dir: "auto", tabindex: "0", role: "region", "aria-label": title },
        children || (text(value) === "" ? h("span", { class: "muted" }, "(empty)") : shown(text(value)))), note];
  };
  const numbers = (pairs) => h("dl", { class: "numbers" }, pairs.filter(([, value]) => value)
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  const more = (a) => Object.entries(a.more).map(([name, value]) => [name,
    name === "tokens" ? value.map((n) => (n === null || n === undefined ? "n/a" : n.toLocaleString("en"))).join(" + ")
      : name === "with retries" || name === "first token" ? seconds(value)
        : name === "judging" ? dollars(value) : shown(String(value))]);
  const answerView = (item, a, isOne) => {
    const was = item.before.find((b) => b.model === a.model);
    const past = item.pasts.find((p) => p.model === a.model && (isOne || a.repeat === 0));
    const expected = text(item.expected), got = text(a.output);
    const parts = a.outcome !== "passed" && typeof expected === "string" && typeof got === "string" ? diff(expected, got) : null;
    const name = [hasModels ? modelName(a.model) : "", isOne ? "" : `asked time ${a.repeat + 1}`].filter((x) => x).join(", ");
    return h("div", { class: "answer" },
      name ? h("h3", {}, shown(name)) : null,
      h("p", { class: "outcome " + a.outcome }, a.outcome),
      got === null ? null : box("answer", a.output),
      parts ? box("expected → answer, by word", "", drawnDiff(parts)) : null,
      a.reason ? box("why", a.reason) : null,
      a.scores.length ? h("ul", { class: "scores" }, a.scores.map((s) => h("li", {}, shown(data.scores[s[0]]), " ",
        h("b", {}, decimal(s[1])), s[2] ? [": ", shown(text(s[2]))] : null))) : null,
      numbers([["latency", seconds(a.latency)], ["cost", dollars(a.cost)], ...more(a)]),
      was ? [h("h3", {}, "in the baseline" + (was.change < 0 ? ", broke since" : was.change > 0 ? ", mended since" : "")),
        was.output ? h("pre", { class: "text", dir: "auto" }, shown(text(was.output))) : null,
        numbers([["outcome", was.outcome], ["latency", seconds(was.latency)], ["cost", dollars(was.cost)]])] : null,
      past ? [h("h3", {}, "over the last runs"), h("p", { class: "past" }, past.words), past.runs.length > 1
        ? h("p", { class: "sub" }, "oldest first: ", h("code", {}, past.runs), " (. passed, m missed, e errored, u unscored)") : null] : null);
  };
  const detail = (item) => {
    const answers = answersOf(item);
    const isOne = (a) => answers.filter((other) => other.model === a.model).length === 1;
    const link = { case: item.id, suite: data.suites.length > 1 ? data.suites[item.suite] : "" };
    return [
      h("div", { class: "answers" },
        h("div", {}, box("input", item.input)),
        item.expected === null ? null : h("div", {}, box("expected", item.expected))),
      h("div", { class: "answers" }, answers.map((a) => answerView(item, a, isOne(a)))),
      item.about.metadata ? box("metadata", item.about.metadata) : null,
      h("div", { class: "foot" },
        h("a", { href: address(link) }, "link to this case"),
        item.about.source ? h("span", {}, shown(text(item.about.source))) : null,
        item.about.cluster ? h("span", {}, "cluster ", shown(text(item.about.cluster))) : null,
        h("code", {}, shown(`modeleval show ${data.run} --case ${quoted(item.id)}`))),
    ];
  };

  // The table.
  const root = document.getElementById("table");
  const outcomeCell = (item) => {
    const answers = answersOf(item);
    const worst = WORST[worstOf(answers)];
    const n = answers.filter((a) => a.outcome === worst).length;
    const was = beforeOf(item).find((b) => b.change);
    return h("td", { role: "cell" }, h("span", { class: "outcome " + worst }, worst,
      answers.length > 1 && n < answers.length ? ` ${n}/${answers.length}` : ""),
      was ? [" ", h("br"), h("span", { class: "change " + (was.change < 0 ? "broke" : "mended") }, was.change < 0 ? "broke" : "mended")] : null);
  };
  const answerCell = (item, answers, label) => {
    const bad = answers.find((a) => a.outcome !== "passed") || answers[0];
    if (!bad) return h("td", { role: "cell", class: "full", "data-label": label }, h("span", { class: "sub" }, "not asked"));
    const was = item.before.find((b) => b.model === bad.model && b.change);
    return h("td", { role: "cell", class: "full", "data-label": label },
      isSide() ? h("span", { class: "outcome " + bad.outcome }, bad.outcome, " ") : null,
      h("span", { class: "clip", dir: "auto" }, bad.output === null ? h("span", { class: "sub" }, short(text(bad.reason) || "no answer")) : short(text(bad.output))),
      was && was.output ? h("span", { class: "clip sub" }, "was ", short(text(was.output))) : null);
  };
  const isSide = () => hasModels && state.model === "";
  const sides = () => data.models.map((name, index) => [name, index]).filter(([name]) => name);
  const columns = () => {
    const first = [["outcome", "outcome", "c-outcome"], ["case", "case", "c-case"], ["input", "input", ""], ["expected", "expected", isShort ? "c-short" : ""]];
    if (isSide()) return [...first, ...sides().map(([name]) => ["", name, ""])];
    return [...first, ["answer", "answer", isShort ? "c-short" : ""], ...(hasScores ? [["score", "score", "c-num num"]] : []),
      ["latency", "latency", "c-num num"], ["cost", "cost", "c-num num"]];
  };
  const rowView = (item) => {
    const answers = answersOf(item);
    const isOpen = String(item.index) === open;
    const button = h("button", { class: "id", type: "button", "aria-expanded": String(isOpen), "aria-controls": "detail-" + item.index }, short(item.id));
    const cells = [
      outcomeCell(item),
      h("th", { role: "rowheader", scope: "row" }, button, h("div", {},
        data.suites.length > 1 && state.suite === "" ? h("span", { class: "tag" }, short(data.suites[item.suite])) : null,
        item.tags.map((tag) => h("span", { class: "tag" }, short(data.tags[tag]))))),
      h("td", { role: "cell", class: "full" }, h("span", { class: "clip", dir: "auto" }, short(item.question))),
      h("td", { role: "cell", class: "full", "data-label": "expected" }, h("span", { class: "clip", dir: "auto" }, short(text(item.expected)))),
      ...(isSide() ? sides().map(([name, index]) => answerCell(item, answers.filter((a) => a.model === index), name)) : [
        answerCell(item, answers, "answer"),
        ...(hasScores ? [h("td", { role: "cell", class: "num", "data-label": "score" }, decimal(mean(item, scoreOf)))] : []),
        h("td", { role: "cell", class: "num", "data-label": "latency" }, seconds(mean(item, (a) => a.latency))),
        h("td", { role: "cell", class: "num", "data-label": "cost" }, dollars(mean(item, (a) => a.cost))),
      ]),
    ];
    const row = h("tr", { role: "row", class: "row" + (isOpen ? " open" : ""), id: "row-" + item.index }, cells);
    row.addEventListener("click", (event) => {
      if (event.target.closest("a") || String(getSelection())) return;
      toggle(item);
    });
    return row;
  };
  const detailView = (item) => h("tr", { role: "row", class: "detail", id: "detail-" + item.index },
    h("td", { role: "cell", colspan: String(columns().length) }, detail(item)));

  let open = "";
  const close = () => {
    const row = document.getElementById("row-" + open), below = document.getElementById("detail-" + open);
    if (row) { row.classList.remove("open"); row.querySelector(".id").setAttribute("aria-expanded", "false"); }
    if (below) below.remove();
    open = "";
  };
  const toggle = (item) => {
    const wasOpen = open === String(item.index);
    close();
    if (!wasOpen) {
      open = String(item.index);
      const row = document.getElementById("row-" + open);
      row.classList.add("open");
      row.querySelector(".id").setAttribute("aria-expanded", "true");
      row.after(detailView(item));
    }
    state.case = wasOpen ? "" : item.id;
    history.replaceState(null, "", address({ ...state, suite: !wasOpen && data.suites.length > 1 ? state.suite || data.suites[item.suite] : state.suite }));
  };

  // The controls are made once; only what they say changes.
  const option = (value, label) => h("option", { value }, shown(label));
  const field = (label, control, kind) => {
    control.id = "filter-" + label;
    return h("div", { class: "field" + (kind ? " " + kind : "") }, h("label", { for: control.id }, label), control);
  };
  const choose = (key, label, all, names) => {
    const select = h("select", { on: { change: () => change({ [key]: select.value }) } }, option("", all), names.map((name) => option(name, name)));
    select.dataset.key = key;
    return field(label, select);
  };
  let timer = 0;
  const search = h("input", { type: "search", placeholder: "words in input, expected, answer …", autocomplete: "off", on: { input: () => {
    clearTimeout(timer);
    timer = setTimeout(() => change({ q: search.value }), 120);
  } } });
  const sortNames = ["outcome", "case", "latency", "cost", ...(hasScores ? ["score"] : []), "dataset"];
  const sortSelect = h("select", { on: { change: () => change({ sort: sortSelect.value }) } },
    sortNames.flatMap((name) => [option(name === "outcome" ? "" : name, name === "outcome" ? "worst first" : name === "dataset" ? "as in the dataset" : name),
      ...(["latency", "cost", "score"].includes(name) ? [option("-" + name, name + ", highest first")] : [])]));
  const filters = h("div", { class: "filters", role: "search", "aria-label": "Filter the cases" },
    field("search", search, "search"),
    data.suites.length > 1 ? choose("suite", "suite", "all suites", data.suites) : null,
    data.tags.length ? choose("tag", "tag", "all tags", [...data.tags].sort()) : null,
    hasModels ? choose("model", "model", "side by side", data.models.filter((name) => name)) : null,
    field("order", sortSelect));
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Outcome" });
  const status = h("span", { role: "status" });
  const pageStatus = h("span", {});
  const turn = (step) => () => {
    change({ page: String(Number(state.page) + step) });
    document.getElementById("cases").scrollIntoView();
  };
  const previous = h("button", { type: "button", on: { click: turn(-1) } }, "Previous");
  const next = h("button", { type: "button", on: { click: turn(1) } }, "Next");
  const pages = h("div", { class: "pages" }, previous, pageStatus, next);
  const head = h("tr", { role: "row" });
  const body = h("tbody", { role: "rowgroup" });
  const table = h("table", { class: "cases", role: "table", "aria-label": "Cases" }, h("thead", { role: "rowgroup" }, head), body);
  const none = h("p", { class: "none", hidden: true }, "No case is like that. ",
    h("button", { type: "button", on: { click: () => change({ ...DEFAULTS }) } }, "Show all"));
  root.append(filters, chips, h("div", { class: "state" }, status, pages), table, none);

  const drawChips = (found) => {
    const kinds = [["", "all"], ["failed", "not passed"], ...WORST.map((name) => [name, name])];
    if (data.compared) kinds.push(["broke", "broke"], ["mended", "mended"]);
    if (hasModels) kinds.push(["differs", "models differ"]);
    chips.replaceChildren(...kinds.map(([value, label]) => {
      const n = found.filter((item) => matchesOutcome(item, value)).length;
      if (!n && value && value !== state.outcome) return null;
      return h("button", { type: "button", "aria-pressed": String(state.outcome === value), "data-outcome": value,
        on: { click: () => { change({ outcome: value }); chips.querySelector('[aria-pressed="true"]')?.focus(); } } }, `${label} ${n.toLocaleString("en")}`);
    }).filter((chip) => chip));
  };
  const drawHead = () => {
    const current = state.sort.replace("-", "") || "outcome";
    head.replaceChildren(...columns().map(([key, label, kind]) => {
      if (!key) return h("th", { role: "columnheader", scope: "col", class: kind }, shown(label));
      const isCurrent = key === current;
      const isDown = state.sort.startsWith("-");
      const firstDown = ["latency", "cost"].includes(key);
      return h("th", { role: "columnheader", scope: "col", class: kind, "aria-sort": isCurrent ? (isDown ? "descending" : "ascending") : null },
        h("button", { type: "button", "data-sort": key, on: { click: () => {
          const to = isCurrent ? (isDown ? key : "-" + key) : (firstDown ? "-" : "") + key;
          change({ sort: to === "outcome" ? "" : to });
          head.querySelector(`[data-sort="${key}"]`)?.focus();
        } } }, label, isCurrent ? (isDown ? " ↓" : " ↑") : ""));
    }));
  };
  const draw = () => {
    const scope = inScope();
    const found = sorted(scope.filter((item) => matchesOutcome(item, state.outcome)));
    const nPages = Math.max(Math.ceil(found.length / PAGE), 1);
    const wanted = state.case ? found.find((item) => item.id === state.case) : undefined;
    let page = Math.min(Math.max(Number(state.page) || 1, 1), nPages);
    if (wanted) page = Math.floor(found.indexOf(wanted) / PAGE) + 1;
    state.page = String(page);
    open = wanted ? String(wanted.index) : "";
    const start = (page - 1) * PAGE;
    const seen = found.slice(start, start + PAGE);
    drawChips(scope);
    drawHead();
    body.replaceChildren(...seen.flatMap((item) => String(item.index) === open ? [rowView(item), detailView(item)] : [rowView(item)]));
    table.hidden = !found.length;
    none.hidden = found.length > 0;
    status.textContent = found.length === cases.length ? counted(cases.length, "case") : `${found.length.toLocaleString("en")} of ${counted(cases.length, "case")}`;
    pages.hidden = nPages === 1;
    pageStatus.textContent = `${start + 1} to ${start + seen.length}`;
    previous.disabled = page === 1;
    next.disabled = page === nPages;
    if (document.activeElement !== search) search.value = state.q;
    for (const select of filters.querySelectorAll("select[data-key]")) select.value = state[select.dataset.key];
    sortSelect.value = state.sort;
    return wanted;
  };

  const follow = () => {
    if (!read()) return;
    if (state.case) { // a link to a case shows it whatever else was filtered
      const known = cases.some((item) => item.id === state.case);
      if (!known) { state.q = state.case; state.case = ""; }
    }
    const wanted = draw();
    const target = wanted ? document.getElementById("row-" + wanted.index) : document.getElementById("cases");
    target.scrollIntoView({ block: "start", behavior: "instant" });
    if (wanted) target.querySelector(".id").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.closest("input, select, textarea");
    if (event.key === "/" && !isTyping) { event.preventDefault(); search.focus(); return; }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step && event.target.classList.contains("id")) {
      const all = [...body.querySelectorAll(".id")];
      const to = all[all.indexOf(event.target) + step];
      if (to) { event.preventDefault(); to.focus(); }
    }
  });
  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });

  // Light or dark: the system's, until somebody says otherwise.
  const button = document.getElementById("theme");
  const THEMES = ["system", "light", "dark"];
  const kept = () => { try { return localStorage.getItem("modeleval-theme"); } catch { return null; } };
  const setTheme = (name) => {
    if (name === "system") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", name);
    button.textContent = "Theme: " + name;
    button.dataset.name = name;
  };
  setTheme(THEMES.includes(kept()) ? kept() : "system");
  button.hidden = false;
  button.addEventListener("click", () => {
    const name = THEMES[(THEMES.indexOf(button.dataset.name) + 1) % THEMES.length];
    setTheme(name);
    try { localStorage.setItem("modeleval-theme", name); } catch { /* this page alone then */ }
  });

  draw();
  follow();
})();
