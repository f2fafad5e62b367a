// What the page shows, and how it hears of it: one WebSocket for all numbers and pictures, the newest only.
// Whatever comes from the graph goes in as text, never as HTML.

import { count, Drawing, perSecond, seconds, Timeline, write } from "/drawing.js";

const OLD = 3;          // seconds after which a picture is greyed, and a silence is said
const AGAIN = 1000;     // ms between two tries to connect
const GIVE_UP = 5;      // seconds without a sign of life after which a connection is opened anew
const HIDDEN = 10;      // seconds between two questions of a page that nobody sees …
const HIDDEN_GIVE_UP = 100; // … which browsers make a minute; after so many it is taken for lost
const GRACE = 1000;     // ms that a page which comes into view has to hear how things are
const SILENT = 5;       // seconds after which a host is silent
const LINES = 100;
const LATE = 5;         // seconds from capture until finished, beyond which a graph is not live any more
const PATIENCE = 10;    // seconds for which it is nothing unusual to wait for a machine
const MOST_LOSSES = 5;  // lines of what went wrong

const LEVELS = { "crash loop": "bad", failed: "bad", rests: "warn", silent: "warn", runs: "good" }; // all others are quiet
const KINDS = { age: "age at arrival", hop: "last hop", work: "work", latency: "until done" };

const $ = id => document.getElementById(id);

const shown = {           // what was heard, and what is chosen
  overview: null,
  now: 0, heardAt: -1e9,  // the server's clock when it last spoke, and ours (performance.now) at that moment
  silent: null,           // for how many seconds its launcher has said nothing, then
  pictures: new Map(),    // "node/side/size" -> {url, facts}
  spent: [],              // addresses of pictures that were replaced
  node: new URLSearchParams(location.hash.slice(1)).get("node"),
  everything: false,      // whose lines: everybody's, or the chosen node's
  large: null,            // {node, side} or {letter} in the dialog
  visible: new Map(),     // element with a picture -> whether it is in view
  said: 0,                // when the newest event that was announced happened
};

const serverNow = () => shown.now + (performance.now() - shown.heardAt) / 1000;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function say(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

// The connection

let socket = null, turn = 0; // the timer until the next question; 0: an answer is on its way
let spokenAt = 0;            // when the server gave the last sign of life, or when it was called (performance.now())
let seenAt = -1e9;           // when this page came into view
let lostAt = null, refused = false;

/** Open a connection and forget the one before, dead or alive: a network that was away leaves dead ones behind. */
function connect() {
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
  spokenAt = performance.now();
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/stream`);
  socket.binaryType = "arraybuffer";
  socket.onopen = ask;
  socket.onmessage = ({ data }) => {
    spokenAt = performance.now();
    if (typeof data !== "string") return takePicture(data);
    hear(JSON.parse(data));
    if (document.hidden) turn = setTimeout(ask, HIDDEN * 1000);
    else ask();
  };
  const mine = socket;
  socket.onclose = async () => {
    lostAt ??= Date.now();
    watchOver();
    refused = await fetch("/icon.svg", { signal: AbortSignal.timeout(AGAIN) }).then(answer => answer.status === 401, () => false);
    setTimeout(() => mine === socket && connect(), AGAIN);
  };
}

function ask() {
  clearTimeout(turn);
  turn = 0;
  const large = shown.large && shown.large.node ? [shown.large.node, shown.large.side] : null;
  const nodes = new Set();
  for (const [element, isVisible] of shown.visible) if (isVisible && element.isConnected) nodes.add(element.dataset.picture.split("/")[0]);
  const node = shown.everything ? "" : shown.node || "";
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ looks: !document.hidden, nodes: [...nodes], large, node }));
}

/** Say whether what is shown is alive; whoever looks must never take the past for the present. */
function watchOver() {
  const now = performance.now();
  if (!document.hidden && now - Math.max(spokenAt, seenAt) > GIVE_UP * 1000) connect();
  const quiet = (now - shown.heardAt) / 1000, isUnseen = document.hidden || now - seenAt < GRACE;
  if (quiet > (isUnseen ? HIDDEN_GIVE_UP : OLD) && lostAt === null && shown.now) lostAt = Date.now() - quiet * 1000;
  const [words, ago] = refused ? ["This page’s token is no longer valid. Open the address that the launcher shows now.", 0] : trouble(isUnseen ? 0 : quiet);
  const [first, second] = $("banner").children;
  say(first, words);
  say(second, ago ? `(${seconds(ago)} ago)` : ""); // it goes on, and is not read out again and again
  $("banner").hidden = !words;
  document.documentElement.classList.toggle("lost", Boolean(words));
  const is = words ? "lost" : shown.now ? "live" : "connecting";
  $("connection").dataset.is = is;
  say($("connection").lastElementChild, is);
  document.title = `${words ? "(lost) " : ""}${$("title").textContent}`;
}

const ENDINGS = { stops: "stops", done: "is done", failed: "has failed", stopped: "was stopped" };

/** Why what is shown is the past, if it is, and for how many seconds that has been so. */
function trouble(quiet) {
  const state = shown.overview && shown.overview.state, silent = shown.silent === null ? 0 : shown.silent + quiet;
  const isLost = lostAt !== null, ago = isLost ? (Date.now() - lostAt) / 1000 : silent, since = clock(Date.now() / 1000 - ago);
  if (isLost && !shown.now) return ["No connection. Trying again …", 0];
  if (isLost && ENDINGS[state]) return [`The graph ${ENDINGS[state]}, and its page is gone since ${since}. What you see is from then. Trying again …`, ago];
  if (isLost) return [`Connection lost since ${since}. What you see is from then. Trying again …`, ago];
  if (silent > OLD && !(state in ENDINGS && state !== "stops")) return [`The launcher has said nothing since ${since}. What you see is from then.`, silent];
  return ["", 0];
}

// What is heard

function hear({ shared, own }) {
  shown.now = shared.now;
  shown.heardAt = performance.now();
  shown.silent = shared.silent;
  lostAt = null;
  refused = false;
  if (own.points) timeline.add(own.points);
  if (own.letters) showLetters(own.letters);
  if (own.lines) showLines(own.lines);
  if (shared.overview) {
    shown.overview = shared.overview;
    document.documentElement.classList.remove("waiting");
    show(shared.overview);
  }
  shown.spent.splice(0).forEach(url => URL.revokeObjectURL(url));
  watchOver();
}

function takePicture(data) {
  const length = new DataView(data).getUint32(0);
  const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const jpeg = new Uint8Array(data, 4 + length);
  const key = `${facts.node}/${facts.side}/${facts.size}`, before = shown.pictures.get(key);
  const url = jpeg.length ? URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })) : "";
  shown.pictures.set(key, { url, facts }); // it is painted with the numbers, which follow
  if (before && before.url) shown.spent.push(before.url);
}

const drawing = new Drawing($("graph"), choose, fillNode);
const timeline = new Timeline($("timeline"));

function choose(name) {
  shown.node = name;
  history.replaceState(null, "", `#node=${encodeURIComponent(name)}`);
  if (shown.overview) show(shown.overview);
}

/** What is in trouble, else the last node of this host that pulls: it shows the most. */
function firstChoice({ nodes, host }) {
  return nodes.find(node => LEVELS[stateOf(node)] === "bad") || nodes.findLast(node => node.pulls.length && (node.launcher || "") === host) || nodes.findLast(node => node.pulls.length) || nodes[0];
}

function stateOf(node) {
  return node.age > SILENT ? "silent" : node.state;
}

function show(overview) {
  if (!overview.nodes.some(node => node.name === shown.node)) shown.node = firstChoice(overview).name;
  showHead(overview);
  drawing.update(overview, shown.node);
  showNode(overview.nodes.find(node => node.name === shown.node));
  timeline.update(shown.now, overview.events || []);
  showEvents(overview.events || []);
  showFrames(overview.nodes);
  showWires(overview.wires);
  showNodes(overview.nodes);
  showHosts(overview.hosts || []);
  const where = onlyHere(overview);
  for (const element of document.querySelectorAll(".where")) say(element, where && `${element.dataset.of} ${where}`);
  paint();
}

/** Of which host that is which a launcher does not hear of the others, and where theirs is; nothing if there are none. */
function onlyHere({ host, hosts = [] }) {
  const others = hosts.map(one => one.name).filter(name => name !== host);
  if (!others.length) return "";
  const last = others.pop(), all = others.length ? `pages on ${others.join(", ")} and ${last} have` : `page on ${last} has`;
  return `of ${host} only; the ${all} ${others.length ? "theirs" : "its own"}.`;
}

function showHead(overview) {
  const parts = overview.graph.split("/");
  say($("title"), parts.slice(-2).join("/"));
  const processes = overview.nodes.reduce((sum, node) => sum + present(node).length, 0);
  const since = { runs: "runs for", stops: "stops after" }[overview.state] || `${overview.state} after`;
  const facts = [plural(overview.nodes.length, "node"), plural(processes, "process", "processes"), `${since} ${seconds(overview.at - overview.began)}`];
  if (overview.host) facts.push(`on ${overview.host}`);
  say($("facts"), facts.join(" · "));
  const [level, words] = inWords(overview);
  $("headline").dataset.is = level;
  say($("headline"), words);
  const { sums = {}, latency = {} } = overview, now = latency.now || {};
  const drops = sums.dropped || 0;
  showLosses(overview);
  figures($("figures"), [
    ["Finished", perSecond(overview.rate), "", ""],
    ["Latency", seconds(now.p50), now.p99 == null ? "" : `p99 ${seconds(now.p99)}`, ""],
    ["On the way", count(sums.on_the_way), "", ""],
    ["Waiting", count(sums.backlog), "", sums.backlog > 100 ? "warn" : ""],
    ["Done", count(sums.done), sums.total ? `of ${count(sums.total)}` : "", ""],
    ["Dropped", count(drops), "", drops ? "warn" : ""],
    ["Dead letters", count(sums.dead), "", sums.dead ? "warn" : ""],
  ]);
}

/** What went wrong, and why: what wires and sources let go of, who dies again and again. */
function showLosses({ nodes, wires, events = [] }) {
  const words = [];
  const isSaid = name => nodes.some(node => node.name === name && LEVELS[stateOf(node)] === "bad"); // by the headline
  for (const [name, deaths] of diedOften(events)) {
    const [at, , , why] = deaths.at(-1);
    if (!isSaid(name)) words.push(`${name} has died ${deaths.length > 2 ? `${deaths.length} times` : "twice"} in the last ten minutes, at ${clock(at)}: ${why}.`);
  }
  for (const { name, keep, max_age, passed_over, outdated } of wires) {
    const ways = [];
    if (passed_over) ways.push(`${count(passed_over)} passed over for newer ones (keep: ${keep})`);
    if (outdated) ways.push(`${count(outdated)} too old${max_age ? ` (max_age ${seconds(max_age)})` : ""}`);
    if (ways.length) words.push(`Dropped on ${name}: ${ways.join(", ")}.`);
  }
  for (const { name, counters = {} } of nodes) if (counters.lost) words.push(`Dropped by ${name}, for whom the graph was too slow: ${count(counters.lost)}.`);
  const more = words.splice(MOST_LOSSES).length;
  if (more) words.push(`${plural(more, "more line")} of that kind; the tables below have all.`);
  write($("losses"), words.map(one => ["loss", one]), "li");
}

/** [node, its deaths in the last ten minutes], of those that died more than once. */
function diedOften(events) {
  const deaths = new Map();
  for (const event of events) {
    if (!BAD.includes(event[2]) || event[0] < shown.now - 600) continue;
    const node = event[1].replace(/\.\d+(?=$| on )/, "");
    deaths.set(node, [...deaths.get(node) || [], event]);
  }
  return [...deaths].filter(([, all]) => all.length > 1).sort((a, b) => b[1].length - a[1].length);
}

/** What matters most, as a sentence. */
function inWords(overview) {
  const bad = overview.nodes.filter(node => LEVELS[stateOf(node)] === "bad");
  const lost = (overview.hosts || []).filter(host => host.state === "silent");
  const weak = overview.nodes.filter(node => node.state === "rests");
  const slow = overview.bottleneck ? `${capital(overview.bottleneck)}.` : "";
  if (bad.length) {
    const first = bad[0], how = first.state === "failed" ? "has failed for good" : "is in a crash loop";
    const words = first.replicas.map(one => one.words).find(Boolean);
    return ["bad", `${first.name}${first.host && overview.hosts.length > 1 ? ` on ${first.host}` : ""} ${how}${words ? `: ${words}` : ""}.${bad.length > 1 ? ` So do ${bad.length - 1} more.` : ""} ${slow}`];
  }
  if (lost.length) return ["bad", `${lost.map(host => `Nothing is heard of ${host.name} since ${clock(shown.now - host.age)}, for ${seconds(host.age)}`).join("; ")}. ${slow}`];
  if (weak.length) return ["warn", `${weak.map(node => node.name).join(" and ")} died, and will be started again. ${slow}`];
  const pending = overview.nodes.filter(node => node.state === "pending");
  if (pending.length && overview.state === "runs") return waits(pending);
  if (slow) return ["warn", slow];
  if (overview.state === "stops") return ["", "The graph stops: the source first, the sink last."];
  if (overview.state !== "runs") return ["", { done: "All done.", failed: "A node failed for good, and the graph has ended.", stopped: "The graph was stopped." }[overview.state] || ""];
  const young = overview.nodes.filter(node => node.state === "starts");
  if (young.length && overview.sums?.done) return ["warn", `${young.map(node => node.name).join(" and ")} ${young.length > 1 ? "start" : "starts"} again …`];
  if (young.length) return ["", "The graph starts …"];
  if (!overview.rate) {
    const last = timeline.points.findLast(([, rate]) => rate);
    return [last ? "warn" : "", `Nothing flows: no frame was finished ${last ? `since ${clock(last[0])}` : "in the last ten seconds"}.`];
  }
  const late = overview.latency && overview.latency.now && overview.latency.now.p50, { backlog = 0, on_the_way = 0 } = overview.sums || {};
  if (late > LATE) return ["warn", `Late: frames are finished ${seconds(late)} after they were captured; ${count(backlog + on_the_way)} wait or are on their way.`];
  return ["", `All flows: ${perSecond(overview.rate)}${late == null ? "" : `, each frame finished ${seconds(late)} after it was captured`}.`];
}

/** What nodes wait for that have too few machines. */
function waits([first, ...more]) {
  const all = present(first), those = all.filter(one => one.state === "pending");
  const who = those.length < all.length ? `${those.length} of ${plural(all.length, "replica")} of ${first.name} ${those.length > 1 ? "wait" : "waits"}` : `${first.name} waits`;
  const why = [...new Set(those.map(one => one.words).filter(Boolean))].join("; ");
  const isLong = those.some(one => shown.now - one.since > PATIENCE);
  return [isLong ? "warn" : "", `${who} for a machine${why ? `: ${why}` : ""}.${more.length ? ` So ${more.length > 1 ? "do" : "does"} ${more.map(node => node.name).join(" and ")}.` : ""}`];
}

function figures(list, items) {
  items.forEach(([term, value, more, is], i) => {
    const item = list.children[i] || list.appendChild(make("div", {}, make("dt"), make("dd", {}, make("span"), make("small"))));
    const [name, number] = item.children;
    item.dataset.is = is;
    say(name, term);
    say(number.firstChild, value);
    say(number.lastChild, more ? ` ${more}` : "");
  });
  while (list.children.length > items.length) list.lastChild.remove();
}

// Nodes

function stateMark(state) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS(svg.namespaceURI, "use");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  const mark = make("span", { class: "state" }, svg, make("span", { class: "word" }));
  setState(mark, state);
  return mark;
}

function setState(mark, state) {
  if (mark.dataset.state === state) return;
  mark.dataset.state = state;
  mark.dataset.level = LEVELS[state] || "quiet";
  mark.querySelector("use").setAttribute("href", `#shape-${String(state).replace(/[^a-z]/g, "-")}`);
  say(mark.querySelector(".word"), state);
}

/** How much passes through a node: what it takes, or makes, or passes on. */
const flowOf = ({ rates = {} }) => Math.max(rates.in || 0, rates.out || 0, rates.made || 0);

/** What a node shows in the drawing. */
function fillNode(button, node) {
  if (!button.children.length) {
    button.append(
      frame(node.name, sideOf(node), false),
      make("span", { class: "row" }, make("span", { class: "name" }), make("span", { class: "many" })),
      make("span", { class: "row" }, stateMark(""), make("span", { class: "rate" })),
      make("span", { class: "work" }, make("i")),
    );
  }
  const [picture, above, below, work] = button.children, is = stateOf(node);
  const [name, many] = above.children, [state, rate] = below.children;
  button.dataset.state = is;
  button.dataset.level = LEVELS[is] || "quiet";
  button.title = node.name;
  setPicture(picture, node.name, sideOf(node));
  if (name.dataset.is !== node.name) {
    name.dataset.is = node.name;
    name.replaceChildren(...node.name.split(/(?<=_)/).flatMap(part => [part, document.createElement("wbr")]));
  }
  const hosts = shown.overview.hosts || [];
  say(many, [hosts.length > 1 || node.host !== node.launcher ? node.host : "", present(node).length > 1 ? `×${present(node).length}` : ""].filter(Boolean).join(" "));
  setState(state, is);
  say(rate, is === "silent" ? `for ${seconds(node.age)}` : perSecond(flowOf(node)));
  work.firstChild.style.width = `${is === "silent" ? 0 : Math.round(100 * ((node.shares && node.shares.working) || 0))}%`;
  work.title = "how much of the time its code works";
}

/** The replicas that are there, or are to be. */
const present = node => node.replicas.filter(one => one.state !== "spare");

/** How many replicas there are, of how many; and what those that do not work wait for. */
function howMany(node) {
  const count = present(node).length, { least = 0, most = 0, pending = 0, why = "" } = node.scale || {};
  if (least < most) return [`${plural(count, "replica")} of ${least} to ${most}`, pending ? `${pending} pending: ${why}` : ""];
  return [count > 1 ? `${count} replicas` : ""];
}

/** Of which sides of a node there are pictures; what flows need not have any. */
function sidesOf(node) {
  const seen = ["before", "after"].filter(side => shown.pictures.has(`${node.name}/${side}/320`));
  return seen.length ? seen : [node.pulls.length ? "before" : "after"];
}

const sideOf = node => sidesOf(node).at(-1);

function showNode(node) {
  $("node").hidden = false;
  say($("node-title"), node.name);
  const facts = [
    ...howMany(node),
    node.host ? `on ${node.host}` : "",
    node.pulls.length ? `pulls ${node.pulls.join(", ")}` : "makes its messages itself",
    node.pushes.length ? `pushes ${node.pushes.join(", ")}` : "",
    node.age > OLD ? `all numbers are ${seconds(node.age)} old` : "",
  ];
  const head = $("node-facts");
  if (!head.firstChild) head.append(stateMark(""), make("span"));
  setState(head.firstChild, stateOf(node));
  say(head.lastChild, ` · ${facts.filter(Boolean).join(" · ")}`);
  $("node").classList.toggle("past", stateOf(node) === "silent");
  showPair($("node-pictures"), node);
  const { rates = {}, counters = {}, shares = {} } = node, sum = of => node.replicas.reduce((all, one) => all + (one[of] || 0), 0);
  figures($("node-numbers"), [
    ["In", node.pulls.length ? perSecond(rates.in) : "–"],
    ["Out", node.pushes.length ? perSecond(rates.out) : "–"],
    ["Done", count(counters.received || counters.made)],
    ["Works", percent(shares.working)],
    ["Waits for input", percent(shares.waiting)],
    ["Waits for room", percent(shares.blocked)],
    ["Dropped", count(counters.dropped)],
    ["Rejected", count(counters.rejected)],
    ["Failures", count(counters.failures)],
    ["Memory", bytes(sum("memory"))],
    ["CPU", `${sum("cpu").toFixed(2)} cores`],
    ["Restarts", count(sum("restarts"))],
  ].map(([term, value]) => [term, value, "", ""]));
  const rows = Object.entries(KINDS).filter(([kind]) => ((node.latency || {})[kind]?.ever || {}).p50 != null).map(([kind, words]) => {
    const { now, ever } = (node.latency || {})[kind] || {};
    const times = [now?.p50, now?.p95, now?.p99, ever?.p50, ever?.p99];
    return { key: kind, cells: [words, ...times.map(seconds)] };
  });
  table($("latencies"), ["Latency", "p50", "p95", "p99", "since start p50", "p99"], rows);
  table($("replicas"), ["Replica", "|State", "Up", "Restarts", "Memory", "CPU", "|Last words"], present(node).map(one => ({
    key: one.name,
    cells: [
      one.name,
      { state: node.age > SILENT ? "silent" : one.state },
      one.pid && one.since ? seconds(shown.now - one.since) : "–",
      count(one.restarts),
      bytes(one.memory),
      (one.cpu || 0).toFixed(2),
      { text: [one.machine ? `on ${one.machine}` : "", one.words || ""].filter(Boolean).join(": "), wide: true },
    ],
  })));
}

function showNodes(nodes) {
  table($("nodes"), ["Node", "|State", "In", "Out", "Works", "p50", "p95", "p99", "Replicas", "Restarts", "Memory", "CPU", "Dropped", "Dead"], nodes.map(node => {
    const sum = of => node.replicas.reduce((all, one) => all + (one[of] || 0), 0);
    const { now = {} } = (node.latency || {}).latency || (node.latency || {}).age || {}, late = now || {};
    const { rates = {}, counters = {} } = node, drops = counters.dropped || 0;
    return { key: node.name, isPast: stateOf(node) === "silent", cells: [
      { text: node.name, press: () => { choose(node.name); $("node").scrollIntoView({ block: "start" }); } },
      { state: stateOf(node) },
      node.pulls.length ? perSecond(rates.in) : "–",
      node.pushes.length ? perSecond(rates.out) : "–",
      percent((node.shares || {}).working),
      ...[late.p50, late.p95, late.p99].map(seconds),
      present(node).length || "–",
      warnIf(sum("restarts")),
      bytes(sum("memory")),
      sum("cpu").toFixed(2),
      warnIf(drops),
      warnIf(counters.dead),
    ] };
  }));
}

function showWires(wires) {
  table($("wires"), ["Wire", "|From", "|To", "Rate", "Bytes", "Waiting", "On the way", "Oldest", "Passed over", "Too old", "|Keeps", "Pullers"], wires.map(wire => ({
    key: wire.name,
    cells: [
      wire.name,
      wire.from.join(", "),
      wire.to,
      perSecond(wire.rate),
      `${bytes(wire.bytes_rate)}/s`,
      warnIf(wire.queued, wire.oldest > 2),
      count(wire.unfinished),
      warnIf(wire.oldest, wire.oldest > 2, seconds(wire.oldest)),
      warnIf(wire.passed_over),
      warnIf(wire.outdated),
      [wire.keep, wire.max_age ? `up to ${seconds(wire.max_age)}` : "", wire.between_hosts ? "between hosts" : ""].filter(Boolean).join(", "),
      wire.pipes ? `${wire.pullers} of ${wire.pipes}` : count(wire.pullers),
    ],
  })));
}

function showHosts(hosts) {
  $("hosts-section").hidden = hosts.length < 2;
  table($("hosts"), ["Host", "|State", "Heard", "Clock", "Round trip", "|Versions", "Runs for"], hosts.map(host => ({
    key: host.name,
    cells: [
      host.name,
      { text: host.state, is: host.state === "silent" ? "bad" : "" },
      host.state === "here" ? "here" : host.age == null ? "never" : `${seconds(host.age)} ago`,
      host.offset == null ? "–" : `${host.offset < 0 ? "−" : "+"}${seconds(Math.abs(host.offset))} ± ${seconds(host.uncertainty)}`,
      seconds(host.round_trip),
      Object.entries(host.versions || {}).map(one => one.join(" ")).join(", "),
      host.began ? seconds(shown.now - host.began) : "–",
    ],
  })));
}

const warnIf = (number, is = number > 0, text = count(number)) => ({ text, is: is ? "warn" : "", zero: !number });

/** Bring `element` up to date: heads ("|…" for words), and a row for each {key, cells}. */
function table(element, heads, rows) {
  if (!element.tHead) {
    element.createTHead().insertRow().append(...heads.map(head => make("th", { scope: "col", text: head.replace("|", ""), ...head[0] === "|" ? { class: "words" } : {} })));
    element.createTBody();
  }
  const body = element.tBodies[0], there = new Map([...body.rows].map(row => [row.dataset.key, row]));
  rows.forEach(({ key, isPast, cells }, i) => {
    const row = there.get(key) || make("tr", { "data-key": key }, ...heads.map(emptyCell));
    there.delete(key);
    row.classList.toggle("past", Boolean(isPast));
    if (body.rows[i] !== row) body.insertBefore(row, body.rows[i] || null);
    cells.forEach((cell, j) => fillCell(row.cells[j], cell));
  });
  for (const row of there.values()) row.remove();
}

function emptyCell(head, column) {
  const cell = column ? make("td") : make("th", { scope: "row" });
  if (head[0] === "|") cell.className = "words";
  return cell;
}

function fillCell(element, cell) {
  if (typeof cell !== "object") return say(element, cell);
  if (cell.state !== undefined) return element.firstChild ? setState(element.firstChild, cell.state) : element.append(stateMark(cell.state));
  if (cell.press) {
    if (!element.firstChild) element.append(make("button", { type: "button", onclick: cell.press }));
    return say(element.firstChild, cell.text);
  }
  element.dataset.is = cell.is || "";
  element.classList.toggle("zero", Boolean(cell.zero));
  element.classList.toggle("wide", Boolean(cell.wide));
  return say(element, cell.text);
}

// Pictures

const watcher = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) shown.visible.set(target, isIntersecting);
  for (const element of shown.visible.keys()) if (!element.isConnected) shown.visible.delete(element);
}, { rootMargin: "200px" });

/** A place for a picture; as a button it opens the large one. */
function frame(node, side, isButton) {
  const parts = [make("img", { alt: "" }), make("span", { class: "none" }), make("span", { class: "age" })];
  const element = isButton ? make("button", { type: "button", class: "picture" }, ...parts) : make("span", { class: "picture" }, ...parts);
  setPicture(element, node, side);
  if (isButton) element.addEventListener("click", () => openLarge(...element.dataset.picture.split("/")));
  watcher.observe(element);
  return element;
}

function setPicture(element, node, side) {
  element.dataset.picture = `${node}/${side}`;
}

/** How old what is seen is, seconds: from its capture on; where that is unknown, since the node had it. */
const ageOf = ({ at, captured }, now) => now - (captured || at) / 1e9;

/** Why there is no picture of a node's. */
function whyNone(node) {
  if (!node || !node.launcher) return "no frame yet";
  if (node.host !== node.launcher) return "No pictures come from a pool’s machines"; // another runs what is on a pool
  const isElsewhere = shown.overview.host && node.launcher !== shown.overview.host;
  return isElsewhere ? `It is shown by the page on ${node.launcher}` : "no frame yet";
}

/** Show the newest pictures that there are, and how old they are. */
function paint() {
  const now = serverNow();
  for (const element of document.querySelectorAll("[data-picture]")) {
    const picture = shown.pictures.get(`${element.dataset.picture}/320`), [image, none, age] = element.children;
    const node = shown.overview && shown.overview.nodes.find(one => one.name === element.dataset.picture.split("/")[0]);
    say(none, picture && picture.url ? "" : picture ? picture.facts.trouble : whyNone(node));
    none.hidden = Boolean(picture && picture.url);
    if (picture && picture.url) {
      if (image.src !== picture.url) image.src = picture.url;
    } else image.removeAttribute("src");
    const old = picture ? ageOf(picture.facts, now) : 0, isOld = old > OLD && Boolean(picture.url);
    element.classList.toggle("old", isOld);
    age.hidden = !isOld;
    if (isOld) say(age, `${seconds(old)} old`);
    if (element.tagName === "BUTTON") {
      const [node, side] = element.dataset.picture.split("/"), label = `Frame ${side} ${node}${isOld ? `, ${seconds(old)} old` : ""}, larger`;
      if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
    }
  }
  for (const element of document.querySelectorAll("[data-caption]")) {
    const picture = shown.pictures.get(`${element.dataset.caption}/320`);
    say(element, picture ? picture.facts.name : "");
    element.parentElement.title = element.textContent;
  }
  paintLarge(now);
}

function showPair(root, node) {
  const sides = sidesOf(node), key = [node.name, ...sides].join("/");
  if (root.dataset.key === key) return;
  root.dataset.key = key;
  root.replaceChildren(...sides.map(side => {
    const name = make("span", { class: "end" }, make("bdi", { "data-caption": `${node.name}/${side}` }));
    return make("figure", {}, frame(node.name, side, true), make("figcaption", {}, make("span", { text: side }), name));
  }));
}

function showFrames(nodes) {
  const root = $("frames");
  nodes.forEach((node, i) => {
    let item = root.children[i];
    if (!item || item.dataset.node !== node.name) {
      item?.remove();
      item = make("div", { "data-node": node.name }, make("h3", { text: node.name }), make("div", { class: "pair" }));
      root.insertBefore(item, root.children[i] || null);
    }
    showPair(item.lastChild, node);
  });
  while (root.children.length > nodes.length) root.lastChild.remove();
}

function openLarge(node, side) {
  for (const [key, { url }] of shown.pictures) { // one large picture is kept: the server does not send it twice
    if (!key.endsWith("/1280") || key === `${node}/${side}/1280`) continue;
    URL.revokeObjectURL(url);
    shown.pictures.delete(key);
  }
  shown.large = { node, side };
  say($("large-title"), `${node}, ${side}`);
  paintLarge(serverNow());
  $("large").showModal();
}

function paintLarge(now) {
  if (!shown.large || !shown.large.node) return;
  const key = `${shown.large.node}/${shown.large.side}`;
  const picture = shown.pictures.get(`${key}/1280`) || shown.pictures.get(`${key}/320`), image = $("large-picture");
  if (picture && picture.url) image.src = picture.url; else image.removeAttribute("src");
  const old = picture ? ageOf(picture.facts, now) : 0;
  image.classList.toggle("old", old > OLD);
  image.alt = picture ? `The frame ${picture.facts.name}` : "";
  const { trouble, name, stream, replica, at } = picture ? picture.facts : {};
  const facts = picture ? [trouble || name, `stream ${stream}`, `at ${replica} ${clock(at / 1e9)}`, old > OLD ? `${seconds(old)} old` : ""] : [whyNone(shown.overview?.nodes.find(node => node.name === shown.large.node))];
  say($("large-facts"), facts.filter(Boolean).join(" · "));
}

$("close").addEventListener("click", () => $("large").close());
$("large").addEventListener("click", event => event.target === $("large") && $("large").close());
$("large").addEventListener("close", () => {
  shown.large = null;
  $("large-picture").removeAttribute("src");
});

// Lines and events

function showLines({ node, anew, lines }) {
  const log = $("log"), atEnd = anew || log.scrollTop + log.clientHeight > log.scrollHeight - 24;
  if (node !== (shown.everything ? "" : shown.node)) return; // of what was chosen before
  const items = lines.map(([, at, who, text]) => happening(at, who, text));
  if (anew) log.replaceChildren(...items);
  else log.append(...items);
  while (log.children.length > LINES) log.firstChild.remove();
  const host = node && shown.overview?.nodes.find(one => one.name === node)?.launcher, isHere = !host || host === shown.overview.host;
  if (!log.children.length) log.append(make("li", { class: "none", text: isHere ? "It has said nothing." : `Its lines are on ${host}: the page there shows them.` }));
  else log.querySelector(".none:not(:only-child)")?.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

for (const [id, everything] of [["own-lines", false], ["all-lines", true]]) {
  $(id).addEventListener("click", () => {
    shown.everything = everything;
    $("own-lines").setAttribute("aria-pressed", !everything);
    $("all-lines").setAttribute("aria-pressed", everything);
  });
}

const BAD = ["death", "failed", "hang", "memory"];

function showEvents(events) {
  const newest = events.slice(-30).reverse(), key = JSON.stringify(newest);
  const fresh = events.filter(([at]) => at > shown.said);
  if (shown.said && fresh.length) say($("announcer"), fresh.slice(-3).map(([, who, , words]) => `${who} ${words}`).join(". "));
  shown.said = Math.max(1, ...events.map(([at]) => at));
  if ($("events").dataset.key === key) return;
  $("events").dataset.key = key;
  $("events").replaceChildren(...newest.map(([at, who, kind, words]) => happening(at, who, words || kind, BAD.includes(kind) ? "bad" : "")));
}

function happening(at, who, text, is = "") {
  return make("li", { "data-is": is }, make("time", { text: clock(at) }), make("span", { class: "who", text: who }), make("span", { class: "text", text }));
}

// Dead letters

function showLetters({ count: number, troubles, letters }) {
  const said = number ? `${plural(number, "frame")} set aside on this machine, which could not be done.` : "None: no frame was set aside on this machine.";
  const cut = number > letters.length ? `The newest ${letters.length} are shown.` : "";
  say($("letters-note"), [said, cut, ...troubles].filter(Boolean).join(" "));
  const root = $("letters"), there = new Map([...root.children].map(item => [item.dataset.id, item]));
  letters.forEach((letter, i) => {
    const item = there.get(letter.id) || letterItem(letter);
    there.delete(letter.id);
    if (root.children[i] !== item) root.insertBefore(item, root.children[i] || null);
  });
  for (const item of there.values()) item.remove();
}

function letterItem(letter) {
  const image = make("img", { src: `/letters/${letter.id}`, alt: "", loading: "lazy" }), none = make("span", { class: "none", text: "not a readable image", hidden: "" });
  image.addEventListener("error", () => { image.removeAttribute("src"); none.hidden = false; });
  const picture = make("button", { type: "button", class: "picture", "aria-label": `Dead letter ${letter.name}, larger`, onclick: () => openLetter(letter) }, image, none);
  const facts = `${dated(letter.when)} · ${bytes(letter.size)} · set aside by ${letter.owner}`;
  const words = make("div", {}, make("h3", { text: letter.name }), make("p", { class: "reason", text: letter.reason }), make("p", { text: facts }));
  const again = { type: "button", class: "retry", text: "Retry", "aria-label": `Retry ${letter.name}`, onclick: event => retry(letter, event.target) };
  if (letter.goes_back) words.append(make("button", again));
  else words.append(make("p", { text: "It came from no folder, so it cannot go back by itself." }));
  return make("li", { "data-id": letter.id }, picture, words);
}

async function retry(letter, button) {
  button.disabled = true;
  say($("letters-said"), `${letter.name} …`);
  try {
    const answer = await fetch("/retry", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id: letter.id }) });
    const { went, said } = await answer.json();
    say($("letters-said"), went ? said : `${letter.name} stays: ${said}`);
  } catch {
    say($("letters-said"), `${letter.name}: the page’s server cannot be reached; try again.`);
  }
  button.disabled = false;
}

function openLetter(letter) {
  shown.large = { letter };
  say($("large-title"), letter.name);
  say($("large-facts"), letter.reason);
  $("large-picture").alt = `Dead letter ${letter.name}`;
  $("large-picture").classList.remove("old");
  $("large-picture").src = `/letters/${letter.id}?large`;
  $("large").showModal();
}

// How things are said

const capital = words => words.replace(/^the /, "The "); // what begins with the name of a node stays as that is written
const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
const percent = share => share == null ? "–" : `${Math.round(share * 100)} %`;
const clock = at => new Date(at * 1000).toLocaleTimeString("en-GB");
const dated = at => new Date(at * 1000).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
function bytes(size) {
  if (size == null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"], power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, size)) / 3)));
  const value = size / 1000 ** power;
  return `${value.toFixed(power && value < 9.95 ? 1 : 0)} ${units[power]}`;
}

document.addEventListener("visibilitychange", () => {
  seenAt = performance.now();
  if (turn) ask();
});
addEventListener("online", () => lostAt !== null && connect());
setInterval(() => { watchOver(); paint(); }, 500);
connect();
