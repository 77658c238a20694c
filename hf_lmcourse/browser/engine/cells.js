// The recurrent cells, each as its file in layers/ has it. A cell takes a = W x_t + b, u = U h_{t-1}
// (with the bias of the recurrent product, if it has one), the state before, and the factors by
// which the reader scales its gates. It returns all that the equation names, by its letters.

const chunk = (x, parts, index) => {
  const size = x.length / parts;
  return x.subarray(index * size, (index + 1) * size);
};

/** act(x + y) * factor */
const gate = (x, y, act, factor) => x.map((value, k) => act(value + y[k]) * factor);

/** h_t = phi(W x_t + b + U h_{t-1}) */
const elmanCell = {
  gates: [],
  state: ["h"],
  step: (a, u, before, factor, config) => ({
    h: gate(a, u, ACTIVATIONS[config.hidden_act], 1),
  }),
};

/** i, f, o = sigmoid, g = tanh of W x_t + b + U h_{t-1}, and a capped i is at most 1 - f;
 * c_t = f c_{t-1} + i g; h_t = o tanh(c_t) */
const lstmCell = {
  gates: ["i", "f", "g", "o"],
  state: ["h", "c"],
  step: (a, u, before, factor, config) => {
    const part = (index, act, name) =>
      gate(chunk(a, 4, index), chunk(u, 4, index), act, factor(name));
    const open = part(0, sigmoid, "i"), f = part(1, sigmoid, "f");
    const i = config.capped_input_gate ? open.map((value, k) => Math.min(value, 1 - f[k])) : open;
    const g = part(2, Math.tanh, "g"), o = part(3, sigmoid, "o");
    const c = before.c.map((value, k) => f[k] * value + i[k] * g[k]);
    return { i, f, g, o, c, h: c.map((value, k) => o[k] * Math.tanh(value)) };
  },
};

/** r, z = sigmoid(x + u); n = tanh(x_n + r u_n); h_t = (1 - z) n + z h_{t-1} */
const gruCell = {
  gates: ["r", "z", "n"],
  state: ["h"],
  step: (a, u, before, factor) => {
    const part = (index, name) => gate(chunk(a, 3, index), chunk(u, 3, index), sigmoid, factor(name));
    const r = part(0, "r"), z = part(1, "z");
    const x_n = chunk(a, 3, 2), u_n = chunk(u, 3, 2);
    const n = x_n.map((value, k) => Math.tanh(value + r[k] * u_n[k]) * factor("n"));
    return { r, z, n, h: before.h.map((value, k) => (1 - z[k]) * n[k] + z[k] * value) };
  },
};

const CELLS = { char_rnn: elmanCell, lstm: lstmCell, gru: gruCell };
