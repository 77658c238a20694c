// The equation of a cell for one unit at one step, with its numbers: [formula, numbers, value] rows.

const n2 = (value) => (value < 0 ? `(${signed(value)})` : signed(value));
const times = (factor) => (factor === 1 ? "" : ` × ${signed(factor)}`);

/** `a` is W x + b and `u` is U h of the step before, of all units; `factor(name)` of each gate. */
const CELL_EQUATIONS = {
  char_rnn: ({ a, u, after, k, config, unit }) => [
    [`h = ${config.hidden_act}(W x + b + U h′)${times(unit)}`,
      `${config.hidden_act}(${n2(a[k])} + ${n2(u[k])})${times(unit)}`, after.h[k]],
  ],
  lstm: ({ a, u, before, after, k, config, factor, unit }) => {
    const size = after.h.length;
    const row = (name, index, act) => {
      const place = index * size + k;
      return [`${name} = ${act}(W x + b + U h′)${times(factor(name))}`,
        `${act}(${n2(a[place])} + ${n2(u[place])})${times(factor(name))}`, after[name][k]];
    };
    const { i, f, g, o, c, h } = after;
    const atMost = ([formula, numbers, value]) => config.capped_input_gate
      ? [`${formula}, at most 1 − f`, `min(${numbers}, 1 − ${n2(f[k])})`, value]
      : [formula, numbers, value];
    return [
      atMost(row("i", 0, "σ")), row("f", 1, "σ"), row("g", 2, "tanh"), row("o", 3, "σ"),
      ["c = f · c′ + i · g", `${n2(f[k])} · ${n2(before.c[k])} + ${n2(i[k])} · ${n2(g[k])}`, c[k]],
      [`h = o · tanh(c)${times(unit)}`, `${n2(o[k])} · tanh(${n2(c[k])})${times(unit)}`, h[k]],
    ];
  },
  gru: ({ a, u, before, after, k, factor, unit }) => {
    const size = after.h.length, { r, z, n, h } = after;
    const row = (name, index) => [
      `${name} = σ(W x + b + U h′ + b′)${times(factor(name))}`,
      `σ(${n2(a[index * size + k])} + ${n2(u[index * size + k])})${times(factor(name))}`, after[name][k]];
    const place = 2 * size + k;
    return [
      row("r", 0), row("z", 1),
      [`n = tanh(W x + b + r · (U h′ + b′))${times(factor("n"))}`,
        `tanh(${n2(a[place])} + ${n2(r[k])} · ${n2(u[place])})${times(factor("n"))}`, n[k]],
      [`h = ((1 − z) · n + z · h′)${times(unit)}`,
        `((1 − ${n2(z[k])}) · ${n2(n[k])} + ${n2(z[k])} · ${n2(before.h[k])})${times(unit)}`, h[k]],
    ];
  },
};

/** What each letter is, and whether it has values from 0 to 1 alone. */
const LETTERS = {
  h: ["h, the output of the layer", false],
  c: ["c, the cell state", false],
  i: ["i, the input gate", true],
  f: ["f, the forget gate", true],
  g: ["g, the candidate", false],
  o: ["o, the output gate", true],
  r: ["r, the reset gate", true],
  z: ["z, the update gate", true],
  n: ["n, the candidate", false],
};
