// A text, each token in a colour, one of them chosen: by a click, or by the arrow keys.

class TextView {
  /** `choose(index)` is called with the token that the reader picks. */
  constructor(label, choose) {
    this.spans = [];
    this.chosen = -1;
    this.rest = document.createTextNode("");
    this.id = `text${TextView.count++}`;
    this.node = element("div", {
      class: "text", role: "listbox", tabindex: 0, "aria-label": label,
      onclick: ({ target }) => {
        const index = this.spans.indexOf(target);
        if (index >= 0) choose(index);
      },
      onkeydown: (event) => {
        const last = this.spans.length - 1, page = 10;
        const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -page, ArrowDown: page, Home: -last, End: last };
        if (!(event.key in moves) || last < 0) return;
        event.preventDefault();
        choose(Math.max(0, Math.min(last, this.chosen + moves[event.key])));
      },
    }, this.rest);
  }

  /** `share(step, index)` is between -1 and 1, or null for no colour; `title` what is hovered. */
  render(text, steps, chosen, share, title) {
    while (this.spans.length > steps.length) this.spans.pop().remove();
    let end = 0;
    steps.forEach((step, index) => {
      const span = (this.spans[index] ??= this.added(index));
      const shown = step.end > end ? text.slice(end, step.end) : "";
      if (span.textContent !== shown) span.textContent = shown;
      const part = share(step, index), background = part === null ? "" : shade(part);
      if (span.shade !== background) span.style.background = span.shade = background;
      span.title = title(step, index);
      end = step.end;
    });
    this.rest.data = text.slice(end);
    this.spans[this.chosen]?.removeAttribute("aria-selected");
    this.chosen = chosen;
    const span = this.spans[chosen];
    span?.setAttribute("aria-selected", "true");
    this.node.setAttribute("aria-activedescendant", span ? span.id : "");
    if (span) this.reveal(span);
  }

  added(index) {
    const span = element("span", { role: "option", id: `${this.id}-${index}` });
    this.node.insertBefore(span, this.rest);
    return span;
  }

  /** Scroll inside the box alone: the page stays where it is. */
  reveal(span) {
    const { node } = this, top = span.offsetTop, bottom = top + span.offsetHeight;
    if (top < node.scrollTop) node.scrollTop = top - 8;
    else if (bottom > node.scrollTop + node.clientHeight) node.scrollTop = bottom - node.clientHeight + 8;
  }
}
TextView.count = 0;
