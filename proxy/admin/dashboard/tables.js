// Tables whose rows stay the same elements while their values change.

import { el, keyed, setAttribute, setText, show } from "./dom.js";

/** A table with a heading for each column, which may sort it. */
export class Table {
  /**
   * @param host the element that gets it.
   * @param caption what it holds, for those who cannot see it.
   * @param empty what stands there when there is no row.
   * @param key gives a row's key.
   * @param columns each with title, and either text (of a row) or make and update (of a cell,
   *   for a row); optional are sort (a row's value to sort by), hint, and class: number, long,
   *   or roomy for those that a phone has no room for.
   * @param sorted the title of the column by which it is sorted at first, highest first.
   */
  constructor(host, { caption, empty, key, columns, sorted = null }) {
    this.columns = columns;
    this.key = key;
    this.rows = [];
    this.by = columns.find((column) => column.title === sorted) ?? null;
    this.downwards = true;
    this.headings = columns.map((column) => this.heading(column));
    this.body = el("tbody");
    this.empty = el("p", { class: "empty" }, empty);
    this.table = el(
      "table", {}, el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...this.headings)), this.body,
    );
    const name = { class: "scroll", tabindex: "0", role: "region", "aria-label": caption };
    this.frame = el("div", name, this.table);
    host.append(this.frame, this.empty);
    show(this.frame, false);
    show(this.empty, false); // until it is known that there is none
    this.tellOrder();
  }

  heading(column) {
    const attributes = { scope: "col", class: column.class, title: column.hint };
    if (!column.sort) {
      const shown = column.unseen ? el("span", { class: "unseen" }, column.title) : column.title;
      return el("th", attributes, shown);
    }
    const sort = () => {
      this.downwards = this.by === column ? !this.downwards : true;
      this.by = column;
      this.tellOrder();
      this.draw();
    };
    return el("th", attributes, el("button", { type: "button", onclick: sort }, column.title));
  }

  tellOrder() {
    this.columns.forEach((column, number) => {
      const order = this.downwards ? "descending" : "ascending";
      setAttribute(this.headings[number], "aria-sort", column === this.by ? order : null);
    });
  }

  /** Show these rows, and no more than the first so many of them once they are sorted. */
  show(rows, most = Infinity) {
    this.rows = rows;
    this.most = most;
    this.draw();
  }

  draw() {
    const rows = this.by ? this.rows.toSorted((a, b) => this.compare(a, b)) : this.rows;
    show(this.frame, rows.length > 0);
    show(this.empty, rows.length === 0);
    keyed(
      this.body, rows.slice(0, this.most), this.key,
      (row) => this.make(row), (line, row) => this.update(line, row),
    );
  }

  compare(a, b) {
    const [one, other] = [this.by.sort(a), this.by.sort(b)];
    const order = typeof one === "string" ? one.localeCompare(other) : one - other;
    return this.downwards ? -order : order;
  }

  make(row) {
    const cells = this.columns.map((column) => {
      const cell = el("td", { class: column.class });
      column.make?.(cell, row);
      return cell;
    });
    return el("tr", {}, ...cells);
  }

  update(line, row) {
    this.columns.forEach((column, number) => {
      const cell = line.cells[number];
      if (column.text) setText(cell, column.text(row));
      else column.update?.(cell, row);
    });
  }
}

/** A badge: a word on a ground whose colour says how good it is. */
export function badge(level, text) {
  return el("span", { class: `badge ${level}` }, text);
}

/** Bring a badge to another word. */
export function setBadge(element, level, text) {
  setAttribute(element, "class", `badge ${level}`);
  setText(element, text);
}
