// Keys on the screen, for touch. They write into the form's field that was used last; real keyboards need none of it.

const DIGITS = ["123", "456", "789"];
const LETTERS = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "._-:@!?# "];

// `layout`: amount (digits and the point), digits, letters or capitals.
export class Pad {
  constructor(place, form, labels, hasPoint) {
    Object.assign(this, { place, labels, hasPoint });
    this.field = form.querySelector("input");
    form.addEventListener("focusin", (event) => {
      if (event.target.matches("input")) this.serve(event.target);
    });
    this.serve(this.field);
  }

  serve(field) {
    this.field = field;
    this.draw(field.name === "amount" ? "amount" : field.name === "account" ? this.labels.account_pad : "digits");
  }

  draw(layout) {
    const rows = layout === "letters" || layout === "capitals" ? this.letterRows(layout) : this.digitRows(layout);
    this.place.dataset.layout = layout;
    this.place.replaceChildren(...rows.map((keys) => {
      const row = document.createElement("div");
      row.append(...keys.filter(Boolean));
      return row;
    }));
  }

  digitRows(layout) {
    const last = layout === "amount"
      ? this.hasPoint ? this.key(".") : this.gap()
      : this.key("abc", () => this.draw("letters"), this.labels.letters);
    return [...DIGITS.map((row) => [...row].map((each) => this.key(each))), [last, this.key("0"), this.eraser()]];
  }

  letterRows(layout) {
    const isCapital = layout === "capitals";
    const rows = LETTERS.map((row) => [...row].map((each) => this.key(isCapital ? each.toUpperCase() : each)));
    rows[2].unshift(this.key("shift", () => this.draw(isCapital ? "letters" : "capitals"), this.labels.shift, true));
    rows[2].push(this.eraser());
    rows[3].unshift(this.key("123", () => this.draw("digits"), this.labels.digits));
    return rows;
  }

  gap() {
    return Object.assign(document.createElement("span"), { className: "gap" });
  }

  eraser() {
    return this.key("erase", () => this.write(""), this.labels.delete, true);
  }

  key(text, act = () => this.write(text), label = text, isIcon = false) {
    const key = Object.assign(document.createElement("button"), { type: "button", tabIndex: -1, title: label });
    if (isIcon) key.innerHTML = `<svg><use href="#${text}"/></svg>`;
    else key.textContent = text === " " ? "␣" : text;
    key.dataset.key = text;
    key.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    key.addEventListener("click", act);
    return key;
  }

  // Put text where the caret is, or with none take the sign before it away.
  write(text) {
    const { field } = this;
    let [start, end] = [field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length];
    if (text === "" && start === end) start = Math.max(0, start - 1);
    if (field.value.length - (end - start) + text.length > field.maxLength) return;
    field.setRangeText(text, start, end, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
