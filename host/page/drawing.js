// The graph as people draw it: nodes in layers, from the source to the sinks, joined by wires that flow.

const SVG = "http://www.w3.org/2000/svg";
const NARROW = 640;      // px: below, the drawing goes from top to bottom …
const LEAST = 100, NEAREST = 36; // px: … or where its layers would be narrower, or nearer to each other
const WITH_PICTURES = 12; // nodes: with more, they show no picture of their own
const SWEEPS = 12;
const ABREAST = 2;       // nodes side by side on a narrow screen; with more, each has a row of its own
const LANE = 14;         // px between two wires that pass rows

/** Draws into `root`; `pick(name)` is called when somebody chooses a node. */
export class Drawing {
  constructor(root, pick, fill) {
    this.root = root;
    this.pick = pick;
    this.fill = fill; // writes what a node shows into its button
    this.shape = "";
    this.buttons = new Map();
    this.wires = new Map();
    new ResizeObserver(() => this.arrange()).observe(root);
  }

  update(overview, chosen) {
    this.overview = overview;
    const shape = JSON.stringify([overview.nodes.map(one => [one.name, one.pulls, one.pushes]), overview.wires.map(one => one.name)]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.build();
      this.arrange();
    }
    for (const node of overview.nodes) {
      const button = this.buttons.get(node.name);
      button.setAttribute("aria-pressed", node.name === chosen);
      this.fill(button, node);
    }
    const fastest = Math.max(1, ...overview.wires.map(one => one.rate || 0));
    for (const wire of overview.wires) this.flow(this.wires.get(wire.name), wire, fastest);
  }

  build() {
    const { nodes, wires } = this.overview;
    this.withPictures = nodes.length <= WITH_PICTURES;
    this.layers = layered(nodes, wires);
    this.canvas = document.createElementNS(SVG, "svg");
    this.canvas.setAttribute("aria-hidden", "true");
    this.sheet = document.createElement("div");
    this.sheet.className = "sheet";
    this.sheet.append(this.canvas);
    this.buttons.clear();
    for (const name of this.layers.flat()) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "node";
      button.dataset.node = name;
      button.addEventListener("click", () => this.pick(name));
      this.buttons.set(name, button);
      this.sheet.append(button);
    }
    this.wires.clear();
    for (const wire of wires) {
      const label = document.createElement("div");
      label.className = "wire-label";
      label.setAttribute("aria-hidden", "true"); // the table of wires says the same
      const parts = wire.from.map(from => ({ from, line: path("wire"), dots: path("dots") }));
      for (const { line, dots } of parts) this.canvas.append(line, dots);
      this.sheet.append(label);
      this.wires.set(wire.name, { parts, label });
    }
    this.root.replaceChildren(this.sheet);
  }

  /** Put everything in its place, for the width that there is. */
  arrange() {
    if (!this.overview) return;
    const width = this.root.clientWidth - 6; // its padding
    this.isNarrow = width < Math.max(NARROW, this.layers.length * (LEAST + NEAREST) - NEAREST);
    this.isList = this.isNarrow && this.layers.some(layer => layer.length > ABREAST);
    const plan = this.isList ? this.list(width) : this.isNarrow ? this.down(width) : this.across(width);
    this.root.classList.toggle("narrow", this.isNarrow);
    this.root.classList.toggle("list", this.isList);
    this.root.classList.toggle("pictured", this.withPictures);
    this.root.classList.toggle("named", plan.named);
    this.root.classList.toggle("tight", plan.tight);
    for (const element of [this.sheet, this.canvas]) {
      element.style.width = `${plan.width}px`;
      element.style.height = `${plan.height}px`;
    }
    for (const [name, button] of this.buttons) {
      const box = plan.boxes.get(name);
      button.style.left = `${box.x}px`;
      button.style.top = `${box.y}px`;
      button.style.width = `${box.width}px`;
      button.style.height = `${box.height}px`;
    }
    if (this.isList) this.thread(plan);
    else this.route(plan);
  }

  /** From left to right. */
  across(width) {
    const layers = this.layers, count = layers.length;
    const most = this.withPictures ? 208 : 168, spare = count > 1 ? (width - count * most) / (count - 1) : 0;
    const gap = spare > 60 ? Math.min(150, spare) : Math.max(NEAREST, Math.min(60, (width - count * 128) / (count - 1)));
    const node = Math.max(LEAST, Math.min(most, (width - (count - 1) * gap) / count)), tight = node < 160;
    const height = this.withPictures ? Math.round(node * 9 / 16) + 60 : tight ? 76 : 62;
    const { rows, ways, links } = withBends(layers, this.overview.wires);
    const places = placed(rows, links, name => isBend(name) ? 26 : height + (this.withPictures ? 28 : 18));
    const top = Math.min(...[...places].map(([name, y]) => y - (isBend(name) ? 13 : height / 2)));
    const whole = count * node + (count - 1) * gap;
    const left = Math.max(0, (width - whole) / 2);
    const boxes = new Map(), points = new Map();
    rows.forEach((row, layer) => {
      for (const name of row) {
        const x = left + layer * (node + gap), y = places.get(name) - top + 2;
        if (isBend(name)) points.set(name, { x: x + node / 2, y, reach: node / 2 });
        else boxes.set(name, { x, y: y - height / 2, width: node, height });
      }
    });
    const bottom = Math.max(...[...boxes.values()].map(box => box.y + box.height), ...[...points.values()].map(at => at.y + 12));
    return { boxes, points, ways, width: Math.max(width, whole), height: bottom + 4, named: gap >= 84, tight };
  }

  /** From top to bottom, for a phone. */
  down(width) {
    const space = 10, gap = 58, boxes = new Map();
    let y = 2;
    for (const layer of this.layers) {
      const node = Math.min(208, (width - (layer.length - 1) * space) / layer.length);
      const height = this.withPictures ? Math.round(node * 9 / 16) + 60 : 62;
      const left = (width - layer.length * node - (layer.length - 1) * space) / 2;
      layer.forEach((name, i) => boxes.set(name, { x: left + i * (node + space), y, width: node, height }));
      y += height + gap;
    }
    return { boxes, points: new Map(), ways: new Map(), width, height: y - gap + 4, named: true, tight: false };
  }

  /** A row for each node, and beside the rows the wires, each in a lane: for a wide graph on a phone. */
  list(width) {
    const { nodes, wires } = this.overview, names = inDepth(nodes, wires), row = new Map(names.map((name, i) => [name, i]));
    const joins = wires.flatMap(wire => wire.from.map(from => ({ wire, from, to: wire.to })));
    const free = [], own = new Map(), lanes = new Map();
    const take = () => {
      const lane = free.findIndex(Boolean);
      return lane < 0 ? free.push(false) - 1 : (free[lane] = false, lane);
    };
    for (const name of names) {
      const into = joins.filter(join => join.to === name), out = joins.filter(join => join.from === name);
      for (const join of into) free[lanes.get(join)] = true;
      const lane = into.length ? Math.min(...into.map(join => lanes.get(join))) : take();
      free[lane] = out.length === 0;
      own.set(name, lane);
      out.sort((a, b) => row.get(b.to) - row.get(a.to)).forEach((join, i) => lanes.set(join, i ? take() : lane));
    }
    const gutter = free.length * LANE + 12, boxes = new Map();
    let y = 2;
    for (const name of names) {
      const pulls = wires.filter(wire => wire.to === name), height = pulls.length ? 54 + 17 * pulls.length : 50;
      boxes.set(name, { x: gutter, y, width: width - gutter, height, dot: { x: 8 + own.get(name) * LANE, y: y + 24 }, pulls });
      y += height + 8;
    }
    return { boxes, joins, lanes, width, height: y, named: true, tight: false };
  }

  /** Draw the wires of a list. */
  thread({ boxes, joins, lanes }) {
    for (const join of joins) {
      const { line, dots } = this.wires.get(join.wire.name).parts.find(part => part.from === join.from);
      const a = boxes.get(join.from).dot, b = boxes.get(join.to).dot, x = 8 + lanes.get(join) * LANE;
      const d = `M${a.x},${a.y}C${a.x},${a.y + 22} ${x},${a.y + 6} ${x},${a.y + 28}V${b.y - 28}C${x},${b.y - 6} ${b.x},${b.y - 22} ${b.x},${b.y}`;
      line.setAttribute("d", d);
      dots.setAttribute("d", d);
    }
    for (const { x, y, pulls } of boxes.values()) {
      pulls.forEach((wire, i) => {
        const { label } = this.wires.get(wire.name);
        label.style.left = `${x + 12}px`;
        label.style.top = `${y + 46 + 17 * i}px`;
      });
    }
    for (const old of this.canvas.querySelectorAll(".knot")) old.remove();
    for (const { x, dot } of boxes.values()) {
      this.canvas.append(shape("path", { class: "knot", d: `M${dot.x},${dot.y}H${x}` }), shape("circle", { class: "knot", cx: dot.x, cy: dot.y, r: 4.5 }));
    }
  }

  /** Draw each wire between the boxes, and put its label where there is room. */
  route({ boxes, points, ways }) {
    const flat = this.isNarrow;
    for (const old of this.canvas.querySelectorAll(".knot")) old.remove();
    const along = box => flat ? box.x + box.width / 2 : box.y + box.height / 2;
    const ports = (node, names, other) => {
      const box = boxes.get(node), span = flat ? box.width : box.height, middle = along(box);
      const sorted = [...names].sort((a, b) => other(a) - other(b));
      const step = Math.min(22, span * .6 / Math.max(1, sorted.length - 1));
      return new Map(sorted.map((name, i) => [name, middle + (i - (sorted.length - 1) / 2) * step]));
    };
    const byName = new Map(this.overview.wires.map(wire => [wire.name, wire]));
    const outs = new Map(), ins = new Map();
    for (const node of this.overview.nodes) {
      const known = names => names.filter(name => byName.has(name));
      outs.set(node.name, ports(node.name, known(node.pushes), name => along(boxes.get(byName.get(name).to))));
      ins.set(node.name, ports(node.name, known(node.pulls), name => along(boxes.get(byName.get(name).from[0]))));
    }
    const labels = [];
    for (const wire of this.overview.wires) {
      const { parts, label } = this.wires.get(wire.name);
      const end = boxes.get(wire.to), into = ins.get(wire.to).get(wire.name);
      for (const { from, line, dots } of parts) {
        const begin = boxes.get(from), out = outs.get(from).get(wire.name);
        const bends = ways.get(`${wire.name}\n${from}`) || [];
        const stops = flat
          ? [{ x: out, y: begin.y + begin.height }, { x: into, y: end.y }]
          : [{ x: begin.x + begin.width, y: out }, ...bends.map(bend => points.get(bend)), { x: end.x, y: into }];
        const d = curve(stops, flat);
        line.setAttribute("d", d);
        dots.setAttribute("d", d);
      }
      labels.push({ label, ...this.labelPlace(wire, boxes, points, ways, outs, ins) });
    }
    separate(labels, flat);
    for (const { label, x, y, over } of labels) {
      label.classList.toggle("over", Boolean(over));
      label.style.left = `${x}px`;
      label.style.top = `${y}px`;
    }
  }

  labelPlace(wire, boxes, points, ways, outs, ins) {
    const end = boxes.get(wire.to), into = ins.get(wire.to).get(wire.name);
    const from = wire.from[0], begin = boxes.get(from), out = outs.get(from).get(wire.name);
    const isMany = wire.from.length > 1;
    const pulled = ins.get(wire.to).size, pushed = outs.get(from).size;
    const t = isMany || pushed > pulled ? .62 : pulled > pushed ? .38 : .5;
    if (this.isNarrow) {
      const a = begin.y + begin.height, b = end.y;
      return { x: out + (into - out) * smooth(t), y: b - a > 120 ? (t > .5 ? b - 26 : a + 26) : a + (b - a) * t, group: Math.round(b) };
    }
    const bends = ways.get(`${wire.name}\n${from}`) || [];
    const bend = bends.length ? points.get(isMany ? bends.at(-1) : bends[0]) : null;
    if (bend && !isMany) {
      const a = begin.x + begin.width, b = bend.x - bend.reach;
      return { x: (a + b) / 2, y: out + (bend.y - out) * smooth(t), group: Math.round(a) };
    }
    const a = bend ? bend.x + bend.reach : begin.x + begin.width, b = end.x, y = bend ? bend.y : out;
    const over = !this.root.classList.contains("named") && Math.abs(into - y) < 12; // a short straight wire would be hidden
    return { over, x: (a + b) / 2, y: y + (into - y) * smooth(t), group: Math.round(b) };
  }

  /** Show how much flows through a wire: its width, and how fast its dots move. */
  flow({ parts, label }, wire, fastest) {
    const rate = wire.rate || 0, dropped = (wire.passed_over || 0) + (wire.outdated || 0);
    const width = rate > 0 ? 1.5 + 3.5 * Math.sqrt(rate / fastest / parts.length) : 1.25;
    const state = wire.oldest > 2 ? "slow" : rate > 0 ? "flows" : "still";
    for (const { line, dots } of parts) {
      line.style.strokeWidth = width;
      line.dataset.is = dots.dataset.is = state;
      dots.style.strokeWidth = Math.max(2, width - .5);
      dots.dataset.pace = rate < .2 ? 0 : rate < 5 ? 1 : rate < 20 ? 2 : 3;
    }
    const isTight = this.root.classList.contains("tight"), isBrief = !this.root.classList.contains("named"); // the tables say more
    const texts = [["name", wire.name], ["rate", isTight ? perSecond(rate).replace("/s", "") : perSecond(rate)]];
    if (!isTight && wire.queued > 0 && (wire.oldest > .5 || wire.queued > 9)) texts.push(["waits", `${count(wire.queued)} wait${isBrief ? "" : `, ${seconds(wire.oldest)}`}`]);
    if (dropped) texts.push(["drops", isBrief ? `−${short(dropped)}` : `${count(dropped)} dropped`]);
    write(label, texts);
    label.dataset.is = state;
    label.title = `${wire.name}: ${wire.from.join(", ")} to ${wire.to}`;
  }
}

// How numbers are said

export const count = number => number == null ? "–" : Math.round(number).toLocaleString("en");
const short = number => number.toLocaleString("en", { notation: "compact" });
export function perSecond(rate) {
  if (rate == null) return "–";
  if (rate > 0 && rate < .95) return `${(rate * 60).toFixed(rate * 60 < 9.5 ? 1 : 0)}/min`;
  return `${rate === 0 ? 0 : rate.toFixed(rate < 99.95 ? 1 : 0)}/s`;
}
export function seconds(value) {
  if (value == null) return "–";
  const size = Math.abs(value);
  if (size < .00095) return size ? `${(value * 1000).toFixed(1)} ms` : "0 ms";
  if (size < .995) return `${(value * 1000).toFixed(size < .0095 ? 1 : 0)} ms`;
  if (size < 9.95) return `${value.toFixed(1)} s`;
  if (size < 99.5) return `${value.toFixed(0)} s`;
  if (size < 3600 * 1.5) return `${Math.round(value / 60)} min`;
  if (size < 86400 * 2) return `${Math.floor(value / 3600)} h ${Math.round(value % 3600 / 60)} min`;
  return `${Math.round(value / 86400)} days`;
}

/** Give `element` one child for each [class, text]; what stays is not touched, so that nothing flickers. */
export function write(element, texts, tag = "span") {
  while (element.children.length > texts.length) element.lastChild.remove();
  texts.forEach(([kind, text], i) => {
    const child = element.children[i] || element.appendChild(document.createElement(tag));
    if (child.className !== kind) child.className = kind;
    if (child.textContent !== String(text)) child.textContent = text;
  });
}

// Layers, and the order in them

/** The names of the nodes, layer by layer: each behind all that it pulls from, sources right before their first puller. */
function layered(nodes, wires) {
  const pushers = new Map(nodes.map(node => [node.name, []])), pullers = new Map(nodes.map(node => [node.name, []]));
  for (const wire of wires) for (const from of wire.from) {
    pushers.get(wire.to).push(from);
    pullers.get(from).push(wire.to);
  }
  const depth = new Map();
  const deep = name => {
    if (!depth.has(name)) depth.set(name, Math.max(0, ...pushers.get(name).map(one => deep(one) + 1)));
    return depth.get(name);
  };
  for (const node of nodes) deep(node.name);
  for (const node of nodes) {
    if (!pushers.get(node.name).length && pullers.get(node.name).length) {
      depth.set(node.name, Math.min(...pullers.get(node.name).map(one => depth.get(one))) - 1);
    }
  }
  const layers = Array.from({ length: 1 + Math.max(...depth.values()) }, () => []);
  for (const node of nodes) layers[depth.get(node.name)].push(node.name);
  const { rows } = withBends(layers, wires);
  return rows.map(row => row.filter(name => !isBend(name)));
}

/** The names of the nodes, each behind all that it pulls from, chains together and what ends soon first. */
function inDepth(nodes, wires) {
  const names = [], left = new Map(nodes.map(node => [node.name, wires.filter(wire => wire.to === node.name).flatMap(wire => wire.from).length]));
  const go = name => {
    names.push(name);
    const next = wires.filter(wire => wire.from.includes(name)).map(wire => wire.to);
    const goesOn = one => wires.some(wire => wire.from.includes(one));
    for (const to of next.sort((a, b) => goesOn(a) - goesOn(b))) {
      left.set(to, left.get(to) - 1);
      if (!left.get(to)) go(to);
    }
  };
  for (const node of nodes) if (!node.pulls.length) go(node.name);
  return names;
}

const isBend = name => name.startsWith("\n");

/** The layers, ordered so that few wires cross, with a bend in each layer that a long wire passes. */
function withBends(layers, wires) {
  const at = new Map(layers.flatMap((layer, i) => layer.map(name => [name, i])));
  const rows = layers.map(layer => [...layer]), ways = new Map(), joins = [];
  for (const wire of wires) for (const from of wire.from) {
    const way = [];
    for (let layer = at.get(from) + 1; layer < at.get(wire.to); layer++) {
      const bend = `\n${wire.name}\n${from}\n${layer}`;
      rows[layer].push(bend);
      way.push(bend);
    }
    ways.set(`${wire.name}\n${from}`, way);
    const stops = [from, ...way, wire.to];
    stops.slice(1).forEach((stop, i) => joins.push([stops[i], stop]));
  }
  const before = neighbours(joins.map(([a, b]) => [b, a])), behind = neighbours(joins);
  let best = rows.map(row => [...row]), least = crossings(best, behind);
  for (let sweep = 0; sweep < SWEEPS && least; sweep++) {
    const order = sweep % 2 ? [...rows.keys()].reverse() : [...rows.keys()];
    for (const layer of order) {
      const beside = rows[layer + (sweep % 2 ? 1 : -1)];
      if (!beside) continue;
      const place = new Map(beside.map((name, i) => [name, i]));
      const joined = sweep % 2 ? behind : before;
      const wish = new Map(rows[layer].map((name, i) => [name, mean((joined.get(name) || []).map(one => place.get(one)), i)]));
      rows[layer].sort((a, b) => wish.get(a) - wish.get(b));
    }
    const now = crossings(rows, behind);
    if (now < least) [best, least] = [rows.map(row => [...row]), now];
  }
  const links = new Map([...at.keys(), ...best.flat()].map(name => [name, [...before.get(name) || [], ...behind.get(name) || []]]));
  return { rows: best, ways, links };
}

function neighbours(joins) {
  const found = new Map();
  for (const [a, b] of joins) found.set(a, [...found.get(a) || [], b]);
  return found;
}

function crossings(rows, behind) {
  let sum = 0;
  for (let layer = 0; layer + 1 < rows.length; layer++) {
    const place = new Map(rows[layer + 1].map((name, i) => [name, i]));
    const ends = rows[layer].flatMap(name => (behind.get(name) || []).map(one => place.get(one)).sort((a, b) => a - b));
    for (let i = 0; i < ends.length; i++) for (let j = i + 1; j < ends.length; j++) sum += ends[i] > ends[j];
  }
  return sum;
}

/** Where each one lies in its layer, px: near its neighbours, and as far from the next one as `room` says. */
function placed(rows, links, room) {
  const places = new Map();
  for (const row of rows) settle(row, row.map(() => 0), room, places);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const row of sweep % 2 ? [...rows].reverse() : rows) {
      settle(row, row.map(name => mean((links.get(name) || []).map(one => places.get(one)), places.get(name))), room, places);
    }
  }
  return places;
}

/** Put each as near to its wish as its neighbours let it: least squares, by pooling adjacent violators. */
function settle(row, wishes, room, places) {
  let offset = 0;
  const offsets = row.map((name, i) => offset += i ? (room(row[i - 1]) + room(name)) / 2 : 0);
  const pools = [];
  wishes.forEach((wish, i) => {
    let pool = { sum: wish - offsets[i], size: 1 };
    while (pools.length && pools.at(-1).sum / pools.at(-1).size > pool.sum / pool.size) {
      const last = pools.pop();
      pool = { sum: last.sum + pool.sum, size: last.size + pool.size };
    }
    pools.push(pool);
  });
  const levels = pools.flatMap(pool => Array(pool.size).fill(pool.sum / pool.size));
  row.forEach((name, i) => places.set(name, levels[i] + offsets[i]));
}

/** Move labels apart that stand in the same gap between two layers. */
function separate(labels, flat) {
  const groups = new Map(), axis = flat ? "x" : "y";
  for (const label of labels) groups.set(label.group, [...groups.get(label.group) || [], label]);
  for (const group of groups.values()) {
    group.sort((a, b) => a[axis] - b[axis]);
    const places = new Map();
    settle(group, group.map(label => label[axis]), () => flat ? 70 : 32, places);
    for (const [label, place] of places) label[axis] = place;
  }
}

function curve(stops, flat) {
  let d = `M${stops[0].x},${stops[0].y}`;
  for (let i = 1; i < stops.length; i++) {
    const from = stops[i - 1], to = stops[i], a = { x: from.x + (from.reach || 0), y: from.y }, b = { x: to.x - (to.reach || 0), y: to.y };
    if (from.reach) d += `H${a.x}`;
    d += flat
      ? `C${a.x},${(a.y + b.y) / 2} ${b.x},${(a.y + b.y) / 2} ${b.x},${b.y}`
      : `C${(a.x + b.x) / 2},${a.y} ${(a.x + b.x) / 2},${b.y} ${b.x},${b.y}`;
  }
  return d;
}

function path(kind) {
  const element = document.createElementNS(SVG, "path");
  element.setAttribute("class", kind);
  return element;
}

const mean = (values, otherwise) => values.length ? values.reduce((a, b) => a + b, 0) / values.length : otherwise;
const smooth = t => t * t * (3 - 2 * t);

// The last ten minutes

const SPAN = 600; // seconds
const DEATHS = ["death", "failed", "hang", "memory"];

/** Rate as a curve, drops as bars below it, deaths as marks below those. */
export class Timeline {
  constructor(root) {
    this.root = root;
    this.points = [];
    this.now = 0;
    this.canvas = document.createElementNS(SVG, "svg");
    this.canvas.setAttribute("role", "img");
    root.append(this.canvas);
    new ResizeObserver(() => this.draw()).observe(root);
  }

  add(points) {
    this.points = [...this.points.filter(([at]) => at < points[0][0]), ...points]; // a clock may be set back
  }

  update(now, events) {
    if (Math.floor(now) === Math.floor(this.now)) return;
    this.now = now;
    this.events = events.filter(([at]) => at > now - SPAN);
    this.points = this.points.filter(([at]) => at > now - SPAN);
    this.draw();
  }

  draw() {
    const width = this.root.clientWidth;
    if (!this.now || !width) return;
    const left = 52, high = 96, drops = 118, deaths = 150, height = 176;
    const x = at => left + (width - left) * (1 - (this.now - at) / SPAN);
    const top = nice(Math.max(1, ...this.points.map(point => point[1])));
    const y = rate => 8 + (high - 8) * (1 - rate / top);
    const parts = [];
    const text = (words, at, down, anchor = "start") => parts.push(shape("text", { x: at, y: down, "text-anchor": anchor }, words));
    for (const rate of [0, top / 2, top]) {
      parts.push(shape("line", { class: "grid", x1: left, x2: width, y1: y(rate), y2: y(rate) }));
      text(`${+rate.toFixed(1)}/s`, left - 8, y(rate) + 4, "end");
    }
    for (const [words, at] of [["drops", drops], ["deaths", deaths]]) {
      parts.push(shape("line", { class: "grid", x1: left, x2: width, y1: at + 6, y2: at + 6 }));
      text(words, left - 8, at + 4, "end");
    }
    const step = width < 500 ? 300 : 120;
    for (let ago = SPAN; ago >= 0; ago -= step) {
      const words = ago ? `−${ago / 60} min` : "now";
      text(words, x(this.now - ago), height - 2, ago === SPAN ? "start" : ago ? "middle" : "end");
    }
    for (const piece of pieces(this.points)) {
      const curve = piece.map(([at, rate]) => `${x(at).toFixed(1)},${y(rate).toFixed(1)}`).join("L");
      parts.push(shape("path", { class: "area", d: `M${x(piece[0][0])},${y(0)}L${curve}L${x(piece.at(-1)[0])},${y(0)}Z` }));
      parts.push(shape("path", { class: "curve", d: `M${curve}` }));
    }
    let dropped = 0;
    this.points.forEach(([at, , sum], i) => {
      const here = i ? Math.max(0, sum - this.points[i - 1][2]) : 0;
      dropped += here;
      if (here) {
        const tall = Math.min(18, 4 + 3 * Math.log2(here));
        parts.push(shape("rect", { class: "drop", x: x(at) - 1.5, y: drops + 6 - tall, width: 3, height: tall }, `${here} dropped`));
      }
    });
    const died = this.events.filter(event => DEATHS.includes(event[2]));
    for (const [at, who, , words] of died) {
      const a = x(at), b = deaths + 6;
      parts.push(shape("path", { class: "death", d: `M${a - 5},${b}h10l-5,-10z` }, `${who} ${words}`));
    }
    const rates = this.points.map(point => point[1]), newest = rates.at(-1) || 0;
    this.canvas.setAttribute("aria-label", `Finished frames in the last ten minutes: now ${perSecond(newest)}, at most ${perSecond(Math.max(0, ...rates))}; ${dropped} dropped; ${died.length} deaths of processes.`);
    this.canvas.setAttribute("height", height);
    this.canvas.replaceChildren(...parts);
  }
}

/** The points in runs without a gap. */
function pieces(points) {
  const found = [];
  points.forEach((point, i) => i && point[0] - points[i - 1][0] <= 4 ? found.at(-1).push(point) : found.push([point]));
  return found;
}

const nice = top => [1, 2, 4, 5, 6, 8, 10, 12].map(one => one * 10 ** Math.floor(Math.log10(top))).find(one => one >= top * 1.05) || top * 1.2;

function shape(kind, attributes, words) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words && kind === "text") element.textContent = words;
  else if (words) element.append(Object.assign(document.createElementNS(SVG, "title"), { textContent: words }));
  return element;
}
