(function () {
  "use strict";
  const root = document.getElementById("gv");
  const raw = JSON.parse(document.getElementById("gv-data").textContent);
  function decode(text, Kind) {
    const bin = atob(text), bytes = new Uint8Array(bin.length);
    for (let i = 0; i < bin.length; i++) bytes[i] = bin.charCodeAt(i);
    return new Kind(bytes.buffer);
  }
  const n = raw.ids.length;
  const x = decode(raw.x, Float32Array), y = decode(raw.y, Float32Array);
  const classOf = decode(raw.classes, Uint8Array);
  const start = decode(raw.start, Uint32Array);
  const phase = decode(raw.phase, Uint16Array), mag = decode(raw.mag, Uint16Array);
  const bright = decode(raw.bright, Float32Array), range = decode(raw.range, Float32Array);
  const flux = raw.flux ? decode(raw.flux, Int16Array) : null;
  const values = {};
  for (const one of raw.values) values[one.key] = Object.assign({}, one, { data: decode(one.data, Float32Array) });
  const palette = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8A6D00", "#22272E",
    "#8A939E", "#7A3E9D", "#00A0A0", "#A0522D", "#5C8A00", "#B5446E", "#3B5BA5", "#C09060"];
  const ramp = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [199, 184, 97], [254, 232, 56]];
  function rampColour(u) {
    const t = Math.max(0, Math.min(0.9999, u)) * (ramp.length - 1), k = Math.floor(t), f = t - k;
    return "rgb(" + ramp[k].map((c, i) => Math.round(c + f * (ramp[k + 1][i] - c))).join(",") + ")";
  }
  const pick = root.querySelector("select"), search = root.querySelector("input");
  const find = root.querySelector(".gv-find"), reset = root.querySelector(".gv-reset");
  const facts = root.querySelector(".gv-facts"), legend = root.querySelector(".gv-legend");
  const map = root.querySelector(".gv-map");
  const lcCanvas = root.querySelector(".gv-lc"), xpCanvas = root.querySelector(".gv-xp");
  const hidden = new Set();
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  for (let i = 0; i < n; i++) { x0 = Math.min(x0, x[i]); x1 = Math.max(x1, x[i]); y0 = Math.min(y0, y[i]); y1 = Math.max(y1, y[i]); }
  const home = { cx: (x0 + x1) / 2, cy: (y0 + y1) / 2, half: 0.54 * Math.max(x1 - x0, y1 - y0, 1e-6) };
  let view = Object.assign({}, home), chosen = 0, pinned = false;

  function prepare(canvas) {
    const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(box.width * ratio); canvas.height = Math.round(box.height * ratio);
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, box.width, box.height);
    return [g, box.width, box.height];
  }
  function px(i, w) { return (x[i] - view.cx) / view.half * w / 2 + w / 2; }
  function py(i, h) { return h / 2 - (y[i] - view.cy) / view.half * h / 2; }
  function colourOf(i) {
    const key = pick.value;
    if (key === "class") return palette[classOf[i] % palette.length];
    const one = values[key], v = one.data[i];
    return isNaN(v) ? "#c9ced4" : rampColour((v - one.low) / (one.high - one.low || 1));
  }
  function drawMap() {
    const [g, w, h] = prepare(map), size = Math.max(1.6, Math.min(5, 90 / Math.sqrt(n) * home.half / view.half));
    g.globalAlpha = 0.75;
    for (let i = 0; i < n; i++) {
      if (hidden.has(classOf[i])) continue;
      const a = px(i, w), b = py(i, h);
      if (a < -5 || b < -5 || a > w + 5 || b > h + 5) continue;
      g.fillStyle = colourOf(i);
      g.beginPath(); g.arc(a, b, size, 0, 6.2832); g.fill();
    }
    g.globalAlpha = 1; g.strokeStyle = "#1d2329"; g.lineWidth = 2;
    g.beginPath(); g.arc(px(chosen, w), py(chosen, h), size + 5, 0, 6.2832); g.stroke();
  }
  function frame(g, w, h, left, title, bottom) {
    g.strokeStyle = "#dfe4e9"; g.lineWidth = 1; g.strokeRect(left, 20, w - left - 8, h - 42);
    g.fillStyle = "#56616c"; g.font = "12px system-ui, sans-serif"; g.textAlign = "left"; g.fillText(title, left, 14);
    g.textAlign = "center"; g.fillText(bottom, left + (w - left - 8) / 2, h - 5);
  }
  function drawCurve(i) {
    const [g, w, h] = prepare(lcCanvas), left = 46;
    frame(g, w, h, left, "G, mag", "phase of twice the period");
    const a = start[i], b = start[i + 1];
    if (a === b) { g.textAlign = "center"; g.fillText("no folded light curve", w / 2, h / 2); return; }
    g.textAlign = "right";
    g.fillText(bright[i].toFixed(2), left - 4, 30); g.fillText((bright[i] + range[i]).toFixed(2), left - 4, h - 26);
    g.fillStyle = palette[classOf[i] % palette.length];
    for (let k = a; k < b; k++) {
      g.beginPath();
      g.arc(left + 4 + phase[k] / 65535 * (w - left - 16), 26 + mag[k] / 65535 * (h - 54), 2.2, 0, 6.2832);
      g.fill();
    }
  }
  if (!flux) xpCanvas.hidden = true;
  function drawSpectrum(i) {
    if (!flux) return;
    const [g, w, h] = prepare(xpCanvas), left = 46;
    frame(g, w, h, left, "XP flux, relative", "BP (blue) and RP (red), internal samples");
    if (flux[i * 100] === -32768) { g.textAlign = "center"; g.fillText("no spectrum", left + (w - left) / 2, h / 2); return; }
    for (let band = 0; band < 2; band++) {
      g.strokeStyle = band ? "#D55E00" : "#0072B2"; g.lineWidth = 1.6; g.beginPath();
      for (let k = 0; k < 50; k++) {
        const v = flux[i * 100 + band * 50 + k] / 20000;
        const a = left + 4 + k / 49 * (w - left - 16), b = h - 26 - Math.max(-0.05, Math.min(1.1, v)) / 1.1 * (h - 54);
        if (k) g.lineTo(a, b); else g.moveTo(a, b);
      }
      g.stroke();
    }
  }
  function say(i) {
    const rows = [["source_id", raw.ids[i]], ["class", raw.names[classOf[i]]]];
    for (const key in values) {
      const v = values[key].data[i];
      rows.push([values[key].label, isNaN(v) ? "unknown" : (values[key].log ? Math.pow(10, v) : v).toPrecision(4)]);
    }
    facts.textContent = "";
    const list = document.createElement("dl");
    for (const [name, value] of rows) {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = name; dd.textContent = value; list.append(dt, dd);
    }
    facts.append(list);
  }
  function choose(i) { chosen = i; root.dataset.chosen = raw.ids[i]; say(i); drawCurve(i); drawSpectrum(i); drawMap(); }
  function nearest(event) {
    const box = map.getBoundingClientRect(), a = event.clientX - box.left, b = event.clientY - box.top;
    let best = -1, least = 400;
    for (let i = 0; i < n; i++) {
      if (hidden.has(classOf[i])) continue;
      const d = (px(i, box.width) - a) ** 2 + (py(i, box.height) - b) ** 2;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }
  function drawLegend() {
    legend.textContent = "";
    if (pick.value !== "class") {
      const one = values[pick.value], scale = document.createElement("canvas"), span = document.createElement("span");
      const shown = v => (one.log ? Math.pow(10, v) : v).toPrecision(3);
      scale.className = "gv-scale"; scale.width = 200; scale.height = 10;
      const g = scale.getContext("2d");
      for (let k = 0; k < 200; k++) { g.fillStyle = rampColour(k / 199); g.fillRect(k, 0, 1, 10); }
      span.append(one.label + ": " + shown(one.low) + " ", scale, " " + shown(one.high));
      legend.append(span);
      return;
    }
    raw.names.forEach((name, k) => {
      const button = document.createElement("button"), dot = document.createElement("i");
      dot.style.background = palette[k % palette.length];
      button.type = "button"; button.setAttribute("aria-pressed", String(!hidden.has(k)));
      button.append(dot, name);
      button.addEventListener("click", () => { if (hidden.has(k)) hidden.delete(k); else hidden.add(k); drawLegend(); drawMap(); });
      legend.append(button);
    });
  }
  function searchFor() {
    const wanted = search.value.trim(), i = raw.ids.indexOf(wanted);
    if (i < 0) { facts.textContent = wanted ? "source_id " + wanted + " is not on this map" : "type a source_id"; return; }
    pinned = true; hidden.delete(classOf[i]); drawLegend();
    view = { cx: x[i], cy: y[i], half: home.half / 4 };
    choose(i);
  }
  map.addEventListener("pointermove", event => {
    if (drag) { move(event); return; }
    if (pinned) return;
    const i = nearest(event); if (i >= 0 && i !== chosen) choose(i);
  });
  let drag = null, moved = 0;
  function move(event) {
    const box = map.getBoundingClientRect();
    moved += Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y);
    view.cx -= (event.clientX - drag.x) / box.width * 2 * view.half;
    view.cy += (event.clientY - drag.y) / box.height * 2 * view.half;
    drag = { x: event.clientX, y: event.clientY }; drawMap();
  }
  map.addEventListener("pointerdown", event => { drag = { x: event.clientX, y: event.clientY }; moved = 0; map.setPointerCapture(event.pointerId); });
  map.addEventListener("pointerup", event => {
    drag = null;
    if (moved > 6) return;
    const i = nearest(event);
    if (i >= 0) { pinned = !(pinned && i === chosen); choose(i); } else pinned = false;
  });
  map.addEventListener("wheel", event => { event.preventDefault(); view.half *= event.deltaY > 0 ? 1.2 : 1 / 1.2; drawMap(); }, { passive: false });
  map.addEventListener("keydown", event => {
    const step = view.half / 6, key = event.key;
    if (key === "ArrowLeft") view.cx -= step; else if (key === "ArrowRight") view.cx += step;
    else if (key === "ArrowUp") view.cy += step; else if (key === "ArrowDown") view.cy -= step;
    else if (key === "+") view.half /= 1.2; else if (key === "-") view.half *= 1.2; else return;
    event.preventDefault(); drawMap();
  });
  pick.addEventListener("change", () => { drawLegend(); drawMap(); });
  find.addEventListener("click", searchFor);
  search.addEventListener("keydown", event => { if (event.key === "Enter") searchFor(); });
  reset.addEventListener("click", () => { view = Object.assign({}, home); pinned = false; hidden.clear(); drawLegend(); drawMap(); });
  window.addEventListener("resize", () => choose(chosen));
  drawLegend(); choose(0);
}());
