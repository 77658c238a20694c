// Making elements, and writing tokens and numbers for people.

/** An element; properties whose names begin with "on" are listeners, the others attributes. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** An input with its label around it. */
const labelled = (text, control) => element("label", {}, text, control);

function choice(options, onchange) {
  const made = element("select", { onchange: () => onchange(made.value) });
  made.append(...options.map(([value, text]) => element("option", { value }, text)));
  return made;
}

const SIGNS = { "\n": "↵", " ": "␣", "\t": "⇥" };

/** A token with signs for whitespace. */
const visible = (text) => text.replace(/[\n \t]/g, (c) => SIGNS[c]);

const percent = (p) => (p >= 0.0005 ? `${(100 * p).toFixed(1)} %` : "< 0.1 %");
const signed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
const whole = (value) => Math.round(value).toLocaleString("en");

/** A list of terms and numbers; a number that a change has replaced is struck out before it. */
function numbers(entries) {
  return element("dl", { class: "numbers" }, ...entries.map(([term, value, was]) =>
    element("div", {}, element("dt", {}, term), element("dd", {},
      ...(was === undefined || was === value ? [] : [element("s", {}, was), " "]), value))));
}

/** What a panel begins with; the name of a single model is that of the page. */
const heading = ({ name, facts, note }, alone) => [
  ...(alone ? [] : [element("h2", {}, name)]),
  element("p", { class: "soft" }, facts), element("p", { class: "soft" }, note),
];

/**
 * Let the browser draw and listen; a hidden page goes on too. By a message, as a timer waits four
 * milliseconds at the least.
 */
const pause = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => resolve(port1.close());
  port2.postMessage(null);
});
