// What the pages do beyond being read: values under the pointer, rows switched off and on, tables sorted and copied. Everything
// that the page says is there without this script.
(() => {
  'use strict';
  const root = document.documentElement, hidden = new Set(), NEAR = 44;
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const number = value => value === null ? '–' : Math.abs(value) >= 10000 ? Math.round(value).toLocaleString('en')
    : String(+value.toPrecision(5));

  // ---------------------------------------------------------------- copying

  const told = make('div', {className: 'unseen', role: 'status'});
  told.setAttribute('aria-live', 'polite');
  document.body.append(told);

  const copyByHand = text => {
    const area = make('textarea', {value: text, className: 'unseen'});
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  };
  const copy = async (text, button) => {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch (refused) {
      done = copyByHand(text);
    }
    const label = button.dataset.label = button.dataset.label || button.textContent;
    button.textContent = told.textContent = done ? 'Copied' : 'The browser does not allow it';
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  const csv = rows => rows.map(row => row.map(cell => /[",\n]/.test(cell) ? '"' + String(cell).replace(/"/g, '""') + '"'
    : cell).join(',')).join('\n') + '\n';
  const copyButton = (text, label) => {
    const button = make('button', {type: 'button', textContent: label});
    button.addEventListener('click', () => copy(text(), button));
    return button;
  };

  // ---------------------------------------------------------------- rows: hidden and alone

  const switches = new Map(); // color -> its buttons
  const show = () => {
    for (const [color, buttons] of switches) {
      if (hidden.has(color)) root.style.setProperty(color, 'transparent');
      else root.style.removeProperty(color);
      for (const button of buttons) button.setAttribute('aria-pressed', String(!hidden.has(color)));
    }
  };
  const toggle = color => {
    if (!hidden.delete(color)) hidden.add(color);
    show();
  };
  const isolate = color => {
    const alone = [...switches.keys()].every(other => hidden.has(other) === (other !== color));
    hidden.clear();
    if (!alone) for (const other of switches.keys()) if (other !== color) hidden.add(other);
    show();
  };
  for (const legend of document.querySelectorAll('.legend')) {
    if (legend.children.length < 2) continue;
    for (const item of [...legend.children]) {
      const color = item.dataset.color, button = make('button', {type: 'button'}, ...item.childNodes);
      button.setAttribute('aria-pressed', 'true');
      button.addEventListener('click', event => (event.shiftKey ? isolate : toggle)(color));
      button.addEventListener('dblclick', () => isolate(color));
      item.append(button);
      if (!switches.has(color)) switches.set(color, []);
      switches.get(color).push(button);
    }
    legend.append(make('li', {className: 'hint', textContent: 'Click: hide or show. Double-click or Shift-click: alone, or all again.'}));
  }

  // ---------------------------------------------------------------- values of figures

  const escaped = text => make('span', {textContent: text}).innerHTML;
  // The points of a chart: where they are, and what they say.
  const chartPoints = v => {
    const [left, right, top, bottom] = v.area, log = v.log ? Math.log10 : y => y;
    const x = value => left + (value - v.x[0]) / (v.x[1] - v.x[0]) * (right - left);
    const y = value => bottom - (log(value) - log(v.y[0])) / (log(v.y[1]) - log(v.y[0])) * (bottom - top);
    const interval = (middle, low, high) => low == null || low === high ? ''
      : Math.abs(high + low - 2 * middle) < 0.002 * (high - low) ? ' ± ' + number((high - low) / 2)
        : ` (${number(low)} to ${number(high)})`;
    return v.series.map(s => s.points.filter(p => p[1] !== null).map(p => ({color: s.color, x: x(p[0]), y: y(p[1]),
      text: `<b>${escaped(s.name)}</b><br>${escaped(v.x_label)}: ${number(p[0])}${interval(p[0], p[4], p[5])}` +
        (v.y_label ? `<br>${escaped(v.y_label)}: ${number(p[1])}${interval(p[1], p[2], p[3])}` : '')}))
      .filter(p => p.x >= left - 1 && p.x <= right + 1 && p.y >= top - 1 && p.y <= bottom + 1));
  };
  // The cells of a heat map.
  const mapPoints = v => {
    const [left, right, top, bottom] = v.area;
    return v.cells.map((row, i) => row.map((value, j) => ({x: left + (j + 0.5) / row.length * (right - left),
      y: top + (i + 0.5) / v.cells.length * (bottom - top),
      text: `${escaped(v.y_label)} ${i}, ${escaped(v.x_label)} ${v.columns ? v.columns[j] : j}<br>` +
        `<b>${number(value)}</b> ${escaped(v.label)}`})));
  };
  const valuesAsCsv = v => v.cells
    ? csv([[v.y_label, v.x_label, v.label], ...v.cells.flatMap((row, i) => row.map((value, j) => [i, v.columns ? v.columns[j] : j, value]))])
    : csv([['row', v.x_label, v.y_label || 'line', 'low', 'high'], ...v.series.flatMap(s => s.points.map(p =>
      [s.name, p[0], p[1] ?? '', ...(v.y_label ? [p[2] ?? '', p[3] ?? ''] : [p[4] ?? '', p[5] ?? ''])]))]);

  const begin = (figure, v) => {
    const svg = figure.querySelector('svg'), series = v.cells ? mapPoints(v) : chartPoints(v);
    const tip = make('div', {className: 'tip', hidden: true}), ring = document.createElementNS(svg.namespaceURI, 'circle');
    const size = svg.viewBox.baseVal;
    let at = [-1, -1];
    for (const [key, value] of [['r', 8], ['fill', 'none'], ['stroke', 'var(--ink)'], ['stroke-width', 1.6], ['visibility', 'hidden']])
      ring.setAttribute(key, value);
    svg.append(ring);
    figure.append(tip);
    svg.tabIndex = 0;
    const point = () => series[at[0]]?.[at[1]];
    const hide = () => {
      tip.hidden = true;
      ring.setAttribute('visibility', 'hidden');
    };
    const showPoint = () => {
      const p = point();
      if (!p || hidden.has(p.color)) return hide();
      const box = svg.getBoundingClientRect(), outer = figure.getBoundingClientRect(), scale = box.width / size.width;
      ring.setAttribute('cx', p.x);
      ring.setAttribute('cy', p.y);
      ring.setAttribute('visibility', 'visible');
      tip.innerHTML = p.text;
      tip.hidden = false;
      const left = box.left - outer.left + p.x * scale, top = box.top - outer.top + p.y * scale;
      tip.style.left = Math.max(0, Math.min(left + 12, outer.width - tip.offsetWidth - 2)) + 'px';
      tip.style.top = (top > tip.offsetHeight + 14 ? top - tip.offsetHeight - 12 : top + 14) + 'px';
    };
    const nearest = event => {
      const box = svg.getBoundingClientRect(), scale = size.width / box.width;
      const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
      const inside = x >= v.area[0] && x <= v.area[1] && y >= v.area[2] && y <= v.area[3];
      let best = !v.cells ? NEAR : inside ? Infinity : 0; // every place in a map belongs to a cell
      at = [-1, -1];
      series.forEach((points, i) => points.forEach((p, j) => {
        const apart = Math.hypot(p.x - x, p.y - y);
        if (apart < best && !hidden.has(p.color)) { best = apart; at = [i, j]; }
      }));
      showPoint();
    };
    svg.addEventListener('pointermove', nearest);
    svg.addEventListener('pointerdown', nearest);
    svg.addEventListener('pointerleave', hide);
    svg.addEventListener('blur', hide);
    // Left and right along a row, up and down from row to row.
    svg.addEventListener('keydown', event => {
      const moves = {ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}, move = moves[event.key];
      if (event.key === 'Escape') return hide();
      if (!move || !series.length) return;
      event.preventDefault();
      let [i, j] = point() ? at : [0, -move[1]];
      for (let tries = 0; tries < series.length; tries++) {
        i = (i + move[0] + series.length) % series.length;
        if (series[i].length && !hidden.has(series[i][0].color)) break;
        if (!move[0]) i = (i + 1) % series.length;
      }
      at = [i, Math.max(0, Math.min(series[i].length - 1, j + move[1]))];
      showPoint();
      told.textContent = tip.textContent;
    });
    const copyValues = copyButton(() => valuesAsCsv(v), 'CSV');
    copyValues.title = 'copy the values of this figure as CSV';
    copyValues.className = 'corner';
    figure.querySelector('h3').append(copyValues);
  };
  for (const values of document.querySelectorAll('figure script.values'))
    begin(values.closest('figure'), JSON.parse(values.textContent));

  // ---------------------------------------------------------------- tables

  const valueOf = (row, column) => {
    const cell = row.cells[column], value = cell.dataset.value;
    return value === undefined ? cell.textContent.trim() : value === '' ? null : Number(value);
  };
  const compare = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b
    : String(a).localeCompare(String(b), 'en', {numeric: true});
  const sortBy = (table, column, ascending) => {
    const body = table.tBodies[0], rows = [...body.rows];
    rows.sort((a, b) => {
      const x = valueOf(a, column), y = valueOf(b, column);
      if (x === null || y === null) return (x === null) - (y === null); // what is unknown is last either way
      return ascending ? compare(x, y) : compare(y, x);
    });
    body.append(...rows);
    [...table.tHead.rows[0].cells].forEach((heading, i) => {
      if (i === column) heading.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      else heading.removeAttribute('aria-sort');
    });
  };
  for (const table of document.querySelectorAll('table.sortable')) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = make('button', {type: 'button', title: 'sort by this column'}, ...heading.childNodes);
      button.addEventListener('click', () => sortBy(table, column, heading.getAttribute('aria-sort') !== 'ascending'));
      heading.append(button);
    });
    const text = () => csv([...table.rows].map(row => [...row.cells].map(cell => cell.innerText.replace(/\s+/g, ' ').trim())));
    table.closest('.scroll').after(make('div', {className: 'tools'}, copyButton(text, 'Copy as CSV')));
  }
})();
