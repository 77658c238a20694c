// Colours of numbers, from the page's own: paper for 0, one colour for high, another for low. Blue
// and orange differ for colour-blind readers too, and the ink is readable on all of them.

/** The background of a share between -1 and 1. */
function shade(share) {
  const percentage = 100 * Math.min(1, Math.abs(share));
  return `color-mix(in srgb, var(${share < 0 ? "--low" : "--high"}) ${percentage}%, var(--paper))`;
}

/** The page's colours as numbers, for a canvas: [red, green, blue] each. */
function pageColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => [1, 3, 5].map((place) =>
    parseInt(style.getPropertyValue(name).trim().slice(place, place + 2), 16));
  return { paper: read("--paper"), high: read("--high"), low: read("--low") };
}

/** Draw a table of shares between -1 and 1, a pixel each; `at(row, column)`, null for none. */
function drawShares(canvas, rows, columns, at) {
  const { paper, high, low } = pageColours();
  canvas.width = Math.max(1, columns);
  canvas.height = Math.max(1, rows);
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const share = at(row, column), strong = share < 0 ? low : high;
      const part = Math.min(1, Math.abs(share ?? 0)), place = 4 * (row * canvas.width + column);
      for (let c = 0; c < 3; c++) image.data[place + c] = paper[c] + part * (strong[c] - paper[c]);
      image.data[place + 3] = share === null ? 0 : 255;
    }
  }
  context.putImageData(image, 0, 0);
}

/** The largest absolute value, or 1 if all are 0. */
function largest(vectors) {
  let found = 0;
  for (const vector of vectors) for (const value of vector) found = Math.max(found, Math.abs(value));
  return found || 1;
}

/** What the colours between two numbers mean. */
function legend(unit, low, high) {
  const steps = Array.from({ length: 5 }, (_, k) => low + ((high - low) * k) / 4);
  const scale = Math.max(Math.abs(low), Math.abs(high));
  return element("div", { class: "legend" }, `${unit}:`, ...steps.map((value) =>
    element("span", { style: `background:${shade(value / scale)}` }, signed(value, scale < 4 ? 2 : 0))));
}
