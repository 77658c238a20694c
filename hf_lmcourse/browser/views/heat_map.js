// Vectors over time as a heat map: a column per token, a row per unit.

class HeatMap {
  /** `pick(column, row)` is called with the cell that the reader clicks on or moves to. */
  constructor(label, pick) {
    this.pick = pick;
    this.canvas = element("canvas");
    this.column = element("div", { class: "column" });
    this.row = element("div", { class: "row" });
    this.axis = element("div", { class: "axis", "aria-hidden": "true" });
    this.map = element("div", {
      class: "map", tabindex: 0, role: "img", "aria-label": label,
      onclick: (event) => this.clicked(event), onkeydown: (event) => this.moved(event),
    }, this.canvas, this.column, this.row);
    this.node = element("div", {}, this.map, this.axis);
  }

  /** How many columns are wide enough to be clicked on. */
  get capacity() {
    return Math.max(20, Math.min(120, Math.floor((this.map.clientWidth || 600) / 9)));
  }

  /** `vectors` are the columns, `scale` what the full colour means, `names` the columns' labels. */
  render(vectors, scale, column, row, names) {
    const rows = vectors[0]?.length ?? 0, columns = vectors.length;
    this.shown = { rows, columns, column, row };
    this.map.style.height = `${Math.max(80, Math.min(320, rows * 12))}px`;
    drawShares(this.canvas, rows, columns, (r, c) => vectors[c][r] / scale);
    const place = (index, count) => [`${(100 * index) / count}%`, `${100 / count}%`];
    [this.column.style.left, this.column.style.width] = place(column, columns);
    [this.row.style.top, this.row.style.height] = place(row, rows);
    this.axis.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    this.axis.replaceChildren(...names.map((name) => element("span", {}, name)));
  }

  clicked(event) {
    const box = this.map.getBoundingClientRect(), { rows, columns } = this.shown;
    const share = (at, from, size, count) =>
      Math.max(0, Math.min(count - 1, Math.floor(((at - from) / size) * count)));
    this.pick(share(event.clientX, box.left, box.width, columns),
      share(event.clientY, box.top, box.height, rows));
  }

  moved(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const { rows, columns, column, row } = this.shown, [right, down] = moves[event.key];
    this.pick(Math.max(0, Math.min(columns - 1, column + right)),
      Math.max(0, Math.min(rows - 1, row + down)));
  }
}
